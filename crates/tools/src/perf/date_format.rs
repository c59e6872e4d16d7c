//! Dates by the letters of Java's `SimpleDateFormat`, those that are about days and times of day. UTC. Pure.

use crate::log_line::date_time;

/// Milliseconds since 1970 by a pattern such as `yyyy-MM-dd HH:mm:ss:SSS`.
pub(super) fn format(pattern: &str, milliseconds: i64) -> String {
    // yyyy-MM-ddTHH:mm:ss.SSS
    let parts = date_time(milliseconds, '.', 'T');
    let field = |range: std::ops::Range<usize>| parts.get(range).unwrap_or_default().to_owned();
    let mut shown = String::new();
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        let mut width = 1;
        while letter.is_ascii_alphabetic() && letters.next_if_eq(&letter).is_some() {
            width += 1;
        }
        let value = match letter {
            'y' if width == 2 => field(2..4),
            'y' => field(0..4),
            'M' => field(5..7),
            'd' => field(8..10),
            'H' => field(11..13),
            'm' => field(14..16),
            's' => field(17..19),
            'S' => field(20..23),
            '\'' => {
                let quoted: String = letters.by_ref().take_while(|next| *next != '\'').collect();
                shown.push_str(&quoted);
                continue;
            }
            other => {
                shown.push(other);
                continue;
            }
        };
        let short = value.trim_start_matches('0');
        let short = if short.is_empty() { "0" } else { short };
        shown.push_str(&format!("{short:0>width$}"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn patterns_of_the_tool_and_of_users() {
        let moment = 1_767_323_045_006;
        assert_eq!(format("yyyy-MM-dd HH:mm:ss:SSS", moment), "2026-01-02 03:04:05:006");
        assert_eq!(format("H:mm yy 'at' d", moment), "3:04 26 at 2");
    }
}
