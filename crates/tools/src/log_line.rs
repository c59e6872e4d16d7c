//! Lines in the shape of Kafka's log4j output, for what Java's tools say through their logger on standard error.

use std::time::{SystemTime, UNIX_EPOCH};

/// `[2026-01-31 12:00:00,000] ERROR message`; the time is UTC.
pub(crate) fn log_line(level: &str, message: &str) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let milliseconds = i64::try_from(since.as_millis()).unwrap_or_default();
    format!("[{}] {level} {message}", date_time(milliseconds, ',', ' '))
}

/// `2026-01-31 12:00:00,000` of milliseconds since 1970, UTC, with these characters before the milliseconds and
/// between date and time.
pub(crate) fn date_time(milliseconds: i64, before_milliseconds: char, between: char) -> String {
    let (days, rest) = (milliseconds.div_euclid(86_400_000), milliseconds.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (seconds, milliseconds) = (rest / 1000, rest % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!(
        "{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}{before_milliseconds}{milliseconds:03}"
    )
}

/// Year, month and day of a day number since 1970-01-01, by counting in eras of 400 years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_all_kinds_of_years() {
        assert_eq!(date_time(0, ',', ' '), "1970-01-01 00:00:00,000");
        assert_eq!(date_time(951_782_400_123, '.', 'T'), "2000-02-29T00:00:00.123");
        assert_eq!(date_time(1_772_323_199_999, ',', ' '), "2026-02-28 23:59:59,999");
        assert_eq!(date_time(-1, ',', ' '), "1969-12-31 23:59:59,999");
    }
}
