-- Up Migration
-- The claims of a hold are found by the hold: one column, which every PostgreSQL since 15 looks up
-- in one way only. By the whole primary key it depended on the version and on how many claims there
-- were when the plan was made. Of all claims, blocked ones too: an index with a condition can be
-- read whole for the sake of the condition.
CREATE INDEX claims_hold ON seats.claims (hold_id);
