/**
 * Workers that run one job only, for the command that waits for it: nobody else may count on them.
 */

/** SQL, run once, in a transaction. */
export const oneJobWorkers = `
ALTER TABLE workers ADD COLUMN only_job_seq INTEGER;
`;
