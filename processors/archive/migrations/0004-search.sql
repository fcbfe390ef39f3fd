-- Words, and pairs of characters for the scripts that do not put spaces between words. One text index per expression.
ALTER TABLE messages ADD INDEX IF NOT EXISTS textWords text TYPE text(tokenizer = splitByNonAlpha);

ALTER TABLE messages ADD INDEX IF NOT EXISTS textPairs lower(text) TYPE text(tokenizer = ngrams(2));
