-- Up Migration
-- The claims of a hold are found by the hold: one column, which every PostgreSQL since 15 looks up
-- with the same plan. With the whole primary key, the plan depended on the version and on the
-- number of claims when the plan was made. The index covers all claims, including blocked ones: the
-- planner may read an index with a condition completely because of that condition.
CREATE INDEX claims_hold ON seats.claims (hold_id);
