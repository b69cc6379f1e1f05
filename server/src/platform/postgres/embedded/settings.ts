export type Settings = Record<string, string>;

/**
 * For a ticket office on a small machine (2 cores, 2 GB, one process in front). Durability is
 * never traded: fsync, full_page_writes and synchronous_commit keep their defaults, which are on.
 */
export const ticketOfficeSettings: Settings = {
  // Enough for one process with a few small pools, the jobs' listener and a psql for the operator.
  max_connections: '100',
  // Shows, seats and orders of a season fit in it; a page is allocated when first touched.
  shared_buffers: '256MB',
  // The planner's estimate of the system's cache: half of a 2 GB machine.
  effective_cache_size: '1GB',
  maintenance_work_mem: '64MB',
  // Solid state disks: an index access hardly costs more than a scan.
  random_page_cost: '1.1',
  // Queries are short; parallel workers would take the second core from the web process, and use
  // /dev/shm, which a container may have 64 MB of.
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  // After kill -9 at most this much is replayed: some seconds, within the 10 s a start may take.
  max_wal_size: '1GB',
  // Fewer checkpoints mean fewer full page images during a sale.
  checkpoint_timeout: '10min',
  wal_buffers: '16MB',
  // A forgotten replica or backup must not hold back the log until the disk is full.
  max_slot_wal_keep_size: '1GB',
  // Seats are claimed and released thousands of times an evening: vacuum early and often.
  autovacuum_naptime: '10s',
  autovacuum_vacuum_scale_factor: '0.05',
  autovacuum_analyze_scale_factor: '0.05',
  // A process that hangs inside a transaction keeps seats locked; this ends its locks.
  idle_in_transaction_session_timeout: '30s',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // The log must not contain buyers' data: DETAIL and statements have their addresses.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
};
