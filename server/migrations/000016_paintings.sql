-- Up Migration
-- An older program cannot run beside this: it opens performances without a painting.
-- Grades belong to the show. A painting says which grade each seat has; it never changes, and a
-- performance names the one that it is sold with. Performances of before are painted as their
-- plan suggested, which is how they were sold: the grades of their claims are indexes into the
-- same list.

CREATE TABLE catalogue.paintings (
  version text COLLATE "C" PRIMARY KEY,
  -- A plan with the layout that is painted.
  seating_plan_id text COLLATE "C" NOT NULL,
  -- Codes; a seat's grade is an index into them. And how many seats each has.
  grades text[] NOT NULL,
  grade_seats integer[] NOT NULL,
  -- count, grade, count, grade, … in the order of the seats; null: as the plan suggests.
  seats integer[],
  CHECK (cardinality(grades) = cardinality(grade_seats) AND cardinality(grades) > 0)
);

INSERT INTO catalogue.paintings (version, seating_plan_id, grades, grade_seats)
SELECT p.layout_version, min(p.id), l.grades, l.grade_seats
FROM venues.seating_plans p JOIN venues.layouts l ON l.version = p.layout_version
WHERE cardinality(l.grades) > 0
GROUP BY p.layout_version, l.grades, l.grade_seats;

-- How a show is painted in each of the plans that it is given in; for performances to come.
CREATE TABLE catalogue.show_paintings (
  show_id text COLLATE "C" NOT NULL REFERENCES catalogue.shows,
  seating_plan_id text COLLATE "C" NOT NULL,
  -- [{grade, section?, rows?, seats?}]: the last one that covers a seat decides.
  rules jsonb NOT NULL,
  version text COLLATE "C" NOT NULL REFERENCES catalogue.paintings,
  PRIMARY KEY (show_id, seating_plan_id)
);
INSERT INTO catalogue.show_paintings (show_id, seating_plan_id, rules, version)
SELECT s.id, p.id, '[]', p.layout_version
FROM catalogue.shows s JOIN venues.seating_plans p ON p.venue_id = s.venue_id AND p.is_default
JOIN catalogue.paintings a ON a.version = p.layout_version;

ALTER TABLE catalogue.performances
  ADD COLUMN painting_version text COLLATE "C" REFERENCES catalogue.paintings;
UPDATE catalogue.performances SET painting_version = layout_version;
ALTER TABLE catalogue.performances ALTER COLUMN painting_version SET NOT NULL;

-- The same beside the lock of the performance: who takes seats by another painting is refused.
ALTER TABLE seats.stock ADD COLUMN painting_version text COLLATE "C" NOT NULL DEFAULT '';
UPDATE seats.stock s SET painting_version = f.painting_version
FROM catalogue.performances f WHERE f.id = s.performance_id;
ALTER TABLE seats.stock ALTER COLUMN painting_version DROP DEFAULT;
