/**
 * The statements on `config`.
 */

/** All keys that are set. */
export const SETTINGS = "SELECT key, value FROM config";

/** Sets a key: key, value. */
export const SET_SETTING = `
  INSERT INTO config (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`;

/** Takes a key back to its default. */
export const DELETE_SETTING = "DELETE FROM config WHERE key = ?";
