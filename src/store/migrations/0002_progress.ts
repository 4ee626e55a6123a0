/**
 * How far an attempt has come. `progress_event_id` is the entry of the log that told it last: the next one
 * takes its place, so that the log holds one such entry an attempt, however often a command reports.
 */

/** SQL, run once, in a transaction. */
export const progress = `
ALTER TABLE attempts ADD COLUMN progress_percent INTEGER CHECK (progress_percent BETWEEN 0 AND 100);
ALTER TABLE attempts ADD COLUMN progress_text TEXT
  CHECK ((progress_text IS NULL) = (progress_percent IS NULL));
ALTER TABLE attempts ADD COLUMN progress_event_id INTEGER
  CHECK ((progress_event_id IS NULL) = (progress_percent IS NULL));
`;
