/**
 * `config`: reading and changing the configuration.
 */

import { inUsersUnit, resolveKey, SETTINGS } from "../../core/config.ts";
import type { ConfigEntry } from "../../core/queue.ts";
import type { Context } from "../context.ts";
import { printListing } from "../pager.ts";
import { renderTable } from "../table.ts";

/** `config set KEY VALUE`. */
export async function configSet(context: Context, operands: readonly string[]): Promise<void> {
  const entry = await (await context.queue()).setConfig(operands[0]!, operands[1]!);
  if (context.flags.json) context.output.json(entryJson(entry));
  else context.output.result(`Set ${entry.key} to ${entry.value}`);
}

/** `config get KEY`: the bare value. */
export async function configGet(context: Context, operands: readonly string[]): Promise<void> {
  const named = resolveKey(operands[0]!);
  const entry = (await (await context.queue()).configEntries()).find(({ key }) => key === named.key)!;
  if (context.flags.json) context.output.json(entryJson(entry));
  else context.output.result(String(inUsersUnit(named, entry.value)));
}

/** `config list` and `config show`: all keys. */
export async function configList(context: Context): Promise<void> {
  const entries = await (await context.queue()).configEntries();
  if (context.flags.json) return context.output.json(entries.map(entryJson));
  const rows = entries.map((entry) => [
    entry.key,
    String(entry.value),
    String(SETTINGS[entry.key].default),
    SETTINGS[entry.key].meaning,
  ]);
  await printListing(context, renderTable(["KEY", "VALUE", "DEFAULT", "MEANING"], rows, 3));
}

/** `config reset KEY`: back to the default. */
export async function configReset(context: Context, operands: readonly string[]): Promise<void> {
  const entry = await (await context.queue()).resetConfig(operands[0]!);
  if (context.flags.json) context.output.json(entryJson(entry));
  else context.output.result(`Reset ${entry.key} to ${entry.value}`);
}

function entryJson(entry: ConfigEntry) {
  const { default: standard, meaning } = SETTINGS[entry.key];
  return { key: entry.key, value: entry.value, default: standard, is_set: entry.isSet, meaning };
}
