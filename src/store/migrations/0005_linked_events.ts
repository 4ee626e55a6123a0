/**
 * Each entry of the log names the one before about the same job, and the job its last: rows that are written anyway
 * in place of an index. What an attempt says about its progress is not in that line: it is taken back again and
 * again, and its attempt knows it.
 */

/** SQL, run once, in a transaction. */
export const linkedEvents = `
ALTER TABLE events ADD COLUMN previous_id INTEGER;
ALTER TABLE jobs ADD COLUMN last_event_id INTEGER;
UPDATE events SET previous_id = (
  SELECT max(earlier.id) FROM events AS earlier
  WHERE earlier.job_seq = events.job_seq AND earlier.id < events.id AND earlier.data NOT LIKE '{"type":"progressed"%')
WHERE job_seq IS NOT NULL;
UPDATE jobs SET last_event_id = (
  SELECT max(id) FROM events WHERE job_seq = jobs.seq AND data NOT LIKE '{"type":"progressed"%');
DROP INDEX events_by_job;
`;
