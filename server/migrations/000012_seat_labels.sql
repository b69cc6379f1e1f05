-- Up Migration
-- An older program cannot run beside this: it reads a number of the seat where a label is now.
-- A seat is called by a label, which may have letters (A12), instead of a number; it may carry a
-- mark, and what it was sold as is kept with it: the grade's name beside its code. Orders and
-- tickets of before get the label that their number was, and the name that their show gives the
-- grade now, or the code where the show has no such grade any more.

UPDATE orders.items i SET seat = (i.seat - 'number') || jsonb_build_object(
  'label', i.seat ->> 'number', 'mark', NULL, 'gradeName', coalesce(
    (SELECT g.name FROM catalogue.grades g WHERE g.show_id = i.show_id AND g.code = i.grade),
    jsonb_build_object('ko', i.grade, 'en', i.grade)))
WHERE i.seat ? 'number';

UPDATE tickets.tickets t SET seat = (t.seat - 'number') || jsonb_build_object(
  'label', t.seat ->> 'number', 'mark', NULL, 'gradeName', coalesce(
    (SELECT g.name FROM catalogue.grades g WHERE g.show_id = t.show_id AND g.code = t.grade),
    jsonb_build_object('ko', t.grade, 'en', t.grade)))
WHERE t.seat ? 'number';

COMMENT ON COLUMN tickets.tickets.seat IS
  'As the seat was named at purchase: {seatNo, section, row, label, mark, grade, gradeName}';
