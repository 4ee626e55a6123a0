/**
 * Without three indexes of jobs, each of which every claim had to keep in order.
 *
 * The few jobs that are held are found by their state, those of them that are to be cancelled, after which each worker
 * looks every second, by an index that is nearly always empty. The first to arrive is the first of one of the few
 * priorities, each of which an index has in order of arrival.
 */

/** SQL, run once, in a transaction. */
export const fewerIndexes = `
DROP INDEX jobs_claimed;
DROP INDEX jobs_ready_by_arrival;
DROP INDEX jobs_of_all_ready_by_arrival;
CREATE INDEX jobs_to_cancel ON jobs (worker_id) WHERE cancel_requested_at IS NOT NULL;
`;
