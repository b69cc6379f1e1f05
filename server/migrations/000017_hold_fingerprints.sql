-- Up Migration
-- An older program cannot run beside this: seats.take tells a repeat from a new hold.
-- What each hold was taken for, as the program writes it, so that another request under the same
-- key can be refused. Null: from before, when the responses were stored; any repeat is accepted.
ALTER TABLE seats.holds ADD COLUMN fingerprint text;
