import assert from "node:assert/strict";
import { parseDate } from "../../src/core/job_input.ts";

const NINE = Date.UTC(2030, 0, 31, 9);

Deno.test("parseDate: with a zone it is that moment", () => {
  const moments: Record<string, number> = {
    "2030-01-31T09:00:00Z": NINE,
    "2030-01-31T09:00Z": NINE,
    "2030-01-31t09:00:00z": NINE,
    "2030-01-31 09:00:00Z": NINE,
    " 2030-01-31T09:00:00Z ": NINE,
    "2030-01-31T11:30:00+02:30": NINE,
    "2030-01-31T11:30:00+0230": NINE,
    "2030-01-31T04:00-05:00": NINE,
    "2030-01-31T09:00:59.5Z": NINE + 59_500,
    "2030-01-31T09:00:00.123456789Z": NINE + 123,
    "2030-01-31T09:00:00.9999Z": NINE + 999,
    "2028-02-29T00:00:00Z": Date.UTC(2028, 1, 29),
    "1969-12-31T23:59:59Z": -1000,
  };
  for (const [text, time] of Object.entries(moments)) assert.equal(parseDate(text), time, text);
});

Deno.test("parseDate: without a zone it is local time", () => {
  assert.equal(parseDate("2030-01-31T09:30"), new Date(2030, 0, 31, 9, 30).getTime());
  assert.equal(parseDate("2030-07-31 09:30:15"), new Date(2030, 6, 31, 9, 30, 15).getTime());
  assert.equal(parseDate("2030-01-31"), new Date(2030, 0, 31).getTime());
});

Deno.test("parseDate: local time follows the zone of the machine", async () => {
  const source = new URL("../../src/core/job_input.ts", import.meta.url).href;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const script = `import { parseDate } from ${JSON.stringify(source)};
    console.log(["2030-01-31", "2030-07-31T09:00", "2030-07-31T09:00Z"].map(parseDate).join());`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", config, script],
    env: { TZ: "America/New_York", NO_COLOR: "1" },
  }).output();
  const expected = [Date.UTC(2030, 0, 31, 5), Date.UTC(2030, 6, 31, 13), Date.UTC(2030, 6, 31, 9)];
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(decode(stdout).trim(), expected.join(), decode(stderr));
});

Deno.test("parseDate: null for days and times that don't exist", () => {
  const none = [
    ...["2030-02-29", "2030-02-30", "2030-04-31", "2030-00-10", "2030-13-01", "2030-01-00", "2030-01-32"],
    ...["2030-01-31T25:00Z", "2030-01-31T09:60Z", "2030-01-31T09:00:60Z", "2100-02-29"],
    ...["2030-01-31T09:00+25:00", "2030-01-31T09:00+05:99"],
  ];
  for (const text of none) assert.equal(parseDate(text), null, text);
});

Deno.test("parseDate: null for what is no ISO 8601", () => {
  const wrong = [
    ...["", "now", "tomorrow", "2030", "2030-01", "30-01-31", "2030/01/31", "31.01.2030", "2030-1-31"],
    ...["2030-01-31T", "2030-01-31T9:00", "2030-01-31T09", "2030-01-31Z", "2030-01-31T09:00 UTC"],
    ...[
      "2030-01-31T09:00:00.Z",
      "2030-01-31T09:00:00,5Z",
      "1900000000",
      "2030-01-31T09:00Zx",
      "+02030-01-31",
    ],
  ];
  for (const text of wrong) assert.equal(parseDate(text), null, text);
});
