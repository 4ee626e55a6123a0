/**
 * Without three indexes of jobs, each of which every claim had to keep in order.
 *
 * The few jobs that are held are found by their state. The first to arrive is the first of one of the few
 * priorities, each of which an index has in order of arrival.
 */

/** SQL, run once, in a transaction. */
export const fewerIndexes = `
DROP INDEX jobs_claimed;
DROP INDEX jobs_ready_by_arrival;
DROP INDEX jobs_of_all_ready_by_arrival;
`;
