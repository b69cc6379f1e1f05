-- Up Migration
CREATE SCHEMA ranking;

-- Tickets sold, by the day in the venue's time zone on which they were paid. Cancelled tickets are
-- subtracted from the day on which they were sold.
CREATE TABLE ranking.sales (
  day date NOT NULL,
  show_id text COLLATE "C" NOT NULL,
  -- The category when they were sold.
  category text NOT NULL,
  time_zone text NOT NULL,
  tickets integer NOT NULL,
  PRIMARY KEY (day, show_id, category)
);
