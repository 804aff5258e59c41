//! A text of SQL taken apart into its statements, for the book.
//!
//! It knows quotes, dollar quotes and comments, and nothing of SQL's grammar: a semicolon outside
//! of them ends a statement.

/// The statements of a text, trimmed, without their semicolons and without empty ones.
#[must_use]
pub fn statements(sql: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(rest) = sql.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(';') {
            found.extend(sql.get(start..at));
            at += 1;
            start = at;
        } else {
            at += token_len(rest);
        }
    }
    found.extend(sql.get(start..));
    found.into_iter().map(str::trim).filter(|text| is_statement(text)).collect()
}

/// Length of what stands at the beginning of `rest` and must not be taken apart.
fn token_len(rest: &str) -> usize {
    let until = |end: &str, from: usize| {
        let found = rest.get(from..).and_then(|tail| tail.find(end));
        found.map_or(rest.len(), |at| from + at + end.len())
    };
    match rest.as_bytes() {
        [b'\'', ..] => until("'", 1),
        [b'"', ..] => until("\"", 1),
        [b'-', b'-', ..] => until("\n", 2),
        [b'/', b'*', ..] => block_comment_len(rest),
        [b'$', ..] => match dollar_tag(rest) {
            Some(tag) => until(tag, tag.len()),
            None => 1,
        },
        _ => word_len(rest),
    }
}

/// A word as a whole (a `$` inside it opens nothing), else one character.
fn word_len(rest: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let first = rest.chars().next().map_or(1, char::len_utf8);
    if rest.starts_with(is_word) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { first }
}

/// PostgreSQL's block comments nest.
fn block_comment_len(rest: &str) -> usize {
    let mut depth = 0_u32;
    let mut at = 0;
    while let Some(pair) = rest.as_bytes().get(at..at + 2) {
        match pair {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

/// `$$` or `$tag$` at the beginning of `rest`.
fn dollar_tag(rest: &str) -> Option<&str> {
    let end = rest.get(1..)?.find('$')? + 1;
    let tag = rest.get(1..end)?;
    let is_tag = tag.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !tag.starts_with(|c: char| c.is_ascii_digit());
    is_tag.then(|| rest.get(..=end))?
}

/// Whether anything but comments is in it.
fn is_statement(text: &str) -> bool {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let is_comment = rest.starts_with("--") || rest.starts_with("/*");
        if !is_comment && !rest.starts_with(char::is_whitespace) {
            return true;
        }
        at += token_len(rest);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons_end_statements_only_outside_of_quotes() {
        let check = |sql: &str, expect: &[&str]| assert_eq!(statements(sql), expect, "{sql}");
        check("select 1; select 2", &["select 1", "select 2"]);
        check(";; -- nothing\n;", &[]);
        check("select ';'; select \";\"", &["select ';'", "select \";\""]);
        check("select 'it''s; so'; x", &["select 'it''s; so'", "x"]);
        check("a -- b; c\n; d", &["a -- b; c", "d"]);
        check("a /* ; /* ; */ ; */; d", &["a /* ; /* ; */ ; */", "d"]);
        check("do $$ a; b $$; c", &["do $$ a; b $$", "c"]);
        check("do $x$ $$ a; $$ $x$; c", &["do $x$ $$ a; $$ $x$", "c"]);
        check("select $1; a$b$c; d", &["select $1", "a$b$c", "d"]);
        check("관제 ';' ; b", &["관제 ';'", "b"]);
        check("select '", &["select '"]);
    }
}
