-- What a load costs afterwards. The server kept statistics of every column (least, greatest, how many different values), which
-- no question here is better answered by: most of the work of an insert, and of each merge. And it wrote large
-- parts again for the sake of ten small ones, each of which it takes for 5 MiB at least: with a base of 12 the small ones
-- are merged with each other first.
ALTER TABLE events MODIFY SETTING auto_statistics_types = '', merge_selector_base = 12;

ALTER TABLE messages MODIFY SETTING auto_statistics_types = '', merge_selector_base = 12;

ALTER TABLE message_events MODIFY SETTING auto_statistics_types = '', merge_selector_base = 12;

ALTER TABLE timeline_events MODIFY SETTING auto_statistics_types = '', merge_selector_base = 12;

ALTER TABLE message_changes MODIFY SETTING auto_statistics_types = '', merge_selector_base = 12;

ALTER TABLE member_changes MODIFY SETTING auto_statistics_types = '', merge_selector_base = 12;

ALTER TABLE user_days MODIFY SETTING auto_statistics_types = '', merge_selector_base = 12;

ALTER TABLE pushes MODIFY SETTING auto_statistics_types = '', merge_selector_base = 12, min_parts_to_merge_at_once = 10;

ALTER TABLE webhook_attempts MODIFY SETTING auto_statistics_types = '', merge_selector_base = 12, min_parts_to_merge_at_once = 10;

-- A handful of rows that are written with every load, and read by it.
ALTER TABLE archive_progress MODIFY SETTING auto_statistics_types = '', min_parts_to_merge_at_once = 10;
