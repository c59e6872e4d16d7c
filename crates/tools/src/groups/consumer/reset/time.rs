//! Dates and durations of ISO 8601, as far as `--to-datetime` and `--by-duration` take them.

const DAY_MS: i64 = 86_400_000;

/// Milliseconds since 1970 of `2026-01-31T12:00:00.000`, UTC unless `Z`, `+hh:mm` or `+hh` follows; or what is wrong.
pub(super) fn timestamp(text: &str) -> Result<i64, String> {
    let time = text.split_once('T').map(|(_, time)| time).filter(|time| !time.is_empty());
    let Some(time) = time else {
        return Err("Error parsing timestamp. It does not contain a 'T' according to ISO8601 format".into());
    };
    let zoned = if time.contains(['+', '-', 'Z']) { text.to_owned() } else { format!("{text}Z") };
    parse(&zoned).ok_or_else(|| format!("Unparseable date: \"{zoned}\""))
}

fn parse(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let zone_at = time.find(['+', '-', 'Z'])?;
    let (time, zone) = time.split_at(zone_at);
    let (time, milliseconds) = time.split_once('.')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let milliseconds = number(milliseconds)?;
    let fits = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !fits || hour > 23 || minute > 59 || second > 59 || milliseconds > 999 {
        return None;
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    days_since_1970(year, month, day).checked_mul(DAY_MS)?.checked_add(seconds * 1000 + milliseconds - zone_ms(zone)?)
}

fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let parsed: Option<Vec<i64>> = text.split(between).map(number).collect();
    parsed?.try_into().ok()
}

/// Digits only, and not so many that arithmetic could overflow.
fn number(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn zone_ms(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone[1..].split_once(':').unwrap_or((&zone[1..], "00"));
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60_000)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Years begin in March here, so that the day that comes every four years is the last one.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Milliseconds of `PnDTnHnMn.nS`; parts may be missing or negative, letters small.
pub(super) fn duration_ms(text: &str) -> Option<i64> {
    let upper = text.to_ascii_uppercase();
    let (sign, rest) = match upper.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, upper.strip_prefix('+').unwrap_or(&upper)),
    };
    let rest = rest.strip_prefix('P')?;
    let (date, time) = rest.split_once('T').map_or((rest, None), |(date, time)| (date, Some(time)));
    if time == Some("") || (date.is_empty() && time.is_none()) {
        return None;
    }
    let days = parts(date, &[('D', DAY_MS)])?;
    let time = parts(time.unwrap_or_default(), &[('H', 3_600_000), ('M', 60_000), ('S', 1000)])?;
    days.checked_add(time)?.checked_mul(sign)
}

fn parts(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut total: i64 = 0;
    for (letter, factor) in units {
        let Some(end) = text.find(*letter) else { continue };
        total = total.checked_add(part(&text[..end], *letter, *factor)?)?;
        text = &text[end + 1..];
    }
    text.is_empty().then_some(total)
}

fn part(text: &str, letter: char, factor: i64) -> Option<i64> {
    let (whole, fraction) = match text.split_once(['.', ',']) {
        Some((whole, fraction)) if letter == 'S' => (whole, fraction),
        Some(_) => return None,
        None => (text, ""),
    };
    let milliseconds = whole.parse::<i64>().ok()?.checked_mul(factor)?;
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(if whole.starts_with('-') { milliseconds - fraction } else { milliseconds + fraction })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_with_and_without_zone() {
        assert_eq!(timestamp("2020-09-13T12:26:40.000"), Ok(1_600_000_000_000));
        assert_eq!(timestamp("2020-09-13T14:26:40.000+02:00"), Ok(1_600_000_000_000));
        assert_eq!(timestamp("2020-09-13T07:26:40.001-05"), Ok(1_600_000_000_001));
        assert_eq!(timestamp("1970-01-01T00:00:00.000Z"), Ok(0));
        assert_eq!(timestamp("2000-02-29T00:00:00.000"), Ok(951_782_400_000));
    }

    #[test]
    fn wrong_dates_are_told_as_java_tells_them() {
        assert!(timestamp("2020-09-13").unwrap_err().contains("does not contain a 'T'"));
        assert_eq!(timestamp("2020-09-13T12:00:00").unwrap_err(), "Unparseable date: \"2020-09-13T12:00:00Z\"");
        for wrong in [
            "2021-02-29T00:00:00.000",
            "2020-13-01T00:00:00.000",
            "2020-01-01T24:00:00.000",
            "xT0",
            "T",
            "2020-01-01T00:00:00.000+é",
        ] {
            assert!(timestamp(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration_ms("PT1H"), Some(3_600_000));
        assert_eq!(duration_ms("P1DT2H3M4.5S"), Some(DAY_MS + 7_384_500));
        assert_eq!(duration_ms("-pt0.001s"), Some(-1));
        assert_eq!(duration_ms("PT-1M"), Some(-60_000));
        for wrong in ["1H", "P", "PT", "P1H", "PT1D", "PT1.5H", "PT1M1H", ""] {
            assert_eq!(duration_ms(wrong), None, "{wrong}");
        }
    }
}
