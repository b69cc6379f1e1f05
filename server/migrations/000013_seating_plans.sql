-- Up Migration
-- A venue may have several seating plans. The one that it was made with is its default: a show that
-- names no plan is given in it. A plan need not suggest grades any more, so a layout may have none.
-- Breaks nothing for programs that only read; an older one cannot make venues beside it.

ALTER TABLE venues.seating_plans
  DROP CONSTRAINT seating_plans_venue_id_key,
  ADD COLUMN name jsonb,
  ADD COLUMN is_default boolean NOT NULL DEFAULT false,
  ADD COLUMN request_id text,
  ADD COLUMN created_at timestamptz;
UPDATE venues.seating_plans p
SET name = '{"ko": "기본 배치", "en": "Standard plan"}', is_default = true,
  request_id = v.request_id, created_at = v.created_at
FROM venues.venues v WHERE v.id = p.venue_id;
ALTER TABLE venues.seating_plans
  ALTER COLUMN name SET NOT NULL,
  ALTER COLUMN request_id SET NOT NULL,
  ALTER COLUMN created_at SET NOT NULL;
CREATE UNIQUE INDEX seating_plans_default ON venues.seating_plans (venue_id) WHERE is_default;
CREATE INDEX seating_plans_venue ON venues.seating_plans (venue_id, created_at, id);

ALTER TABLE venues.layouts
  DROP CONSTRAINT layouts_check,
  ADD CONSTRAINT layouts_grades CHECK (cardinality(grades) = cardinality(grade_seats));
