//! Which names a topic may have.

use barnabas_common::ErrorCode;

use crate::result::ApiError;

const MAX_LEN: usize = 249;

/// Kafka's rule for topic names: 1 to 249 of `[a-zA-Z0-9._-]`, but neither `.` nor `..`.
pub fn validate_topic_name(name: &str) -> Result<(), ApiError> {
    let reason = if name.is_empty() {
        "it is empty".to_owned()
    } else if name == "." || name == ".." {
        "it would be a directory's own name".to_owned()
    } else if name.len() > MAX_LEN {
        format!("it has {} characters, {MAX_LEN} are allowed", name.len())
    } else if !name.chars().all(is_legal) {
        let shown: String = name.chars().take(MAX_LEN).flat_map(char::escape_debug).collect();
        let message = format!(
            "Topic name is invalid: '{shown}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
        );
        return Err(ApiError::new(ErrorCode::InvalidTopicException, message));
    } else {
        return Ok(());
    };
    // Names can be long and hold anything: show enough to recognise them, escaped.
    let shown: String = name.chars().take(MAX_LEN).collect();
    Err(ApiError::new(ErrorCode::InvalidTopicException, format!("Topic name {shown:?} is not allowed: {reason}.")))
}

fn is_legal(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// Whether two names differ only in '.' against '_': their metric names would be the same.
pub(crate) fn collide(a: &str, b: &str) -> bool {
    a.len() == b.len() && a != b && a.bytes().map(fold).eq(b.bytes().map(fold))
}

/// Whether a name can collide with another at all.
pub(crate) fn can_collide(name: &str) -> bool {
    name.contains(['.', '_'])
}

fn fold(c: u8) -> u8 {
    if c == b'.' { b'_' } else { c }
}

#[cfg(test)]
mod tests {
    use super::{collide, validate_topic_name};

    #[test]
    fn names_follow_kafkas_rule() {
        for good in ["a", "__consumer_offsets", "A.b-C_9", "...", &"x".repeat(249)] {
            assert!(validate_topic_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a b", "ä", "a\0", "a\nb", &"x".repeat(250)] {
            assert!(validate_topic_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_dots_and_underscores_collide() {
        assert!(collide("a.b", "a_b") && collide("a_b.c", "a.b_c"));
        assert!(!collide("a.b", "a.b") && !collide("a-b", "a_b") && !collide("a.b", "a.bc"));
    }
}
