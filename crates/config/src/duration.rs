//! ISO 8601 durations of days, hours, minutes and seconds, as `share.auto.offset.reset` takes them. No months, no years.

/// Milliseconds of a duration such as `P1DT2H3.5S`; `None` if the text is not one.
pub fn parse_iso_millis(text: &str) -> Option<i64> {
    let upper = text.to_ascii_uppercase();
    let (negative, body) = match upper.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, upper.strip_prefix('+').unwrap_or(&upper)),
    };
    let body = body.strip_prefix('P')?;
    let (days, time) = match body.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (body, ""),
    };
    let mut millis = sum_units(days, &[('D', 86_400_000)])?;
    millis = millis.checked_add(sum_units(time, &[('H', 3_600_000), ('M', 60_000), ('S', 1_000)])?)?;
    let empty = days.is_empty() && time.is_empty();
    if empty { None } else { Some(if negative { -millis } else { millis }) }
}

/// Adds up `number unit` pairs; each unit at most once and in the given order.
fn sum_units(text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut rest = text;
    let mut total: i64 = 0;
    for (unit, factor) in units {
        if let Some((number, after)) = rest.split_once(*unit) {
            total = total.checked_add(scale(number, *factor, *unit == 'S')?)?;
            rest = after;
        }
    }
    rest.is_empty().then_some(total)
}

fn scale(number: &str, factor: i64, fraction_allowed: bool) -> Option<i64> {
    let Some((whole, fraction)) = number.split_once('.') else {
        return number.parse::<i64>().ok()?.checked_mul(factor);
    };
    let digits = fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !fraction_allowed || !digits {
        return None;
    }
    let padded = format!("{fraction:0<3}");
    let millis: i64 = padded.get(..3)?.parse().ok()?;
    let seconds: i64 = whole.parse().ok()?;
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    seconds.checked_mul(1_000)?.checked_add(sign * millis)
}

#[cfg(test)]
mod tests {
    use super::parse_iso_millis;

    #[test]
    fn durations() {
        assert_eq!(parse_iso_millis("PT1H"), Some(3_600_000));
        assert_eq!(parse_iso_millis("P1DT2H3.5S"), Some(86_400_000 + 7_200_000 + 3_500));
        assert_eq!(parse_iso_millis("pt10m"), Some(600_000));
        assert_eq!(parse_iso_millis("-PT1S"), Some(-1_000));
        for bad in ["", "P", "PT", "PT5", "1H", "PT1S1H", "PT99999999999999999999S", "PT1.5H"] {
            assert_eq!(parse_iso_millis(bad), None, "{bad}");
        }
    }
}
