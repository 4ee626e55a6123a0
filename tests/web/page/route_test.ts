import assert from "node:assert/strict";
import fc from "fast-check";
import { jobPath, linkTo, linkToJob, parseRoute } from "../../../src/web/page/browser/route.js";

function routeOf(link: string) {
  const { pathname, search } = new URL(link, "http://localhost/");
  return parseRoute(pathname, search);
}

Deno.test("parseRoute: each view has an address", () => {
  const views = [
    "/",
    "/jobs",
    "/jobs/x",
    "/dlq",
    "/enqueue",
    "/config",
    "/jobs/",
    "/dlq/x",
    "/x",
    "/constructor",
  ];
  assert.deepEqual(views.map((path) => parseRoute(path, "").view), [
    ...["overview", "jobs", "job", "dlq", "enqueue", "config", "jobs", "unknown", "unknown", "unknown"],
  ]);
});

Deno.test("linkToJob: leads to the job whatever its id, also to one that no address can hold", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "grapheme", minLength: 1 }), fc.constantFrom(".", "..")), (id) => {
      const { view, id: found } = routeOf(linkToJob(id, { attempt: 7 }));
      assert.deepEqual([view, found], ["job", id]);
    }),
  );
  assert.equal(
    jobPath("/api/jobs", "..", { below: "/output", query: { stream: "stdout" } }),
    "/api/jobs/_/output?stream=stdout&id=..",
  );
});

Deno.test("linkTo: leaves out what is empty", () => {
  assert.equal(linkTo("/jobs", { state: "", q: "a b&c", page: null, cursor: undefined }), "/jobs?q=a+b%26c");
  assert.equal(linkTo("/jobs"), "/jobs");
});
