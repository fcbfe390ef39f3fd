-- A part is merged with nine others at least: each row is then written again fewer times. Every load of the archive makes
-- a part, more than one a second.
ALTER TABLE events MODIFY SETTING min_parts_to_merge_at_once = 10;

ALTER TABLE messages MODIFY SETTING min_parts_to_merge_at_once = 10;
