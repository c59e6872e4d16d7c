//! Bytes as Kafka's deserializers read them and Java prints the result. Pure.

/// One of the deserializers of `org.apache.kafka.common.serialization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deserializer {
    /// The bytes as they are: also for `ByteArrayDeserializer`, of which Java prints only an address.
    Bytes,
    Short,
    Integer,
    Long,
    Float,
    Double,
    Boolean,
    Uuid,
    Void,
}

impl Deserializer {
    /// By the name of its class, with or without its package.
    pub(crate) fn named(class: &str) -> Option<Self> {
        let bare = class.strip_prefix("org.apache.kafka.common.serialization.").unwrap_or(class);
        Some(match bare.strip_suffix("Deserializer")? {
            "String" | "ByteArray" | "Bytes" | "ByteBuffer" => Self::Bytes,
            "Short" => Self::Short,
            "Integer" => Self::Integer,
            "Long" => Self::Long,
            "Float" => Self::Float,
            "Double" => Self::Double,
            "Boolean" => Self::Boolean,
            "UUID" => Self::Uuid,
            "Void" => Self::Void,
            _ => return None,
        })
    }

    /// What is printed; an error is the message of Java's exception.
    pub(crate) fn print(self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let text = match self {
            Self::Bytes => return Ok(bytes.to_vec()),
            Self::Short => i16::from_be_bytes(sized(bytes, "ShortDeserializer is not 2")?).to_string(),
            Self::Integer => i32::from_be_bytes(sized(bytes, "IntegerDeserializer is not 4")?).to_string(),
            Self::Long => i64::from_be_bytes(sized(bytes, "LongDeserializer is not 8")?).to_string(),
            Self::Float => {
                let number = f32::from_be_bytes(sized(bytes, "Deserializer is not 4")?);
                java_decimal(&format!("{number:e}"), f64::from(number))
            }
            Self::Double => {
                let number = f64::from_be_bytes(sized(bytes, "Deserializer is not 8")?);
                java_decimal(&format!("{number:e}"), number)
            }
            Self::Boolean => match bytes {
                [0] => "false".into(),
                [1] => "true".into(),
                [_] => return Err("Unexpected byte received by BooleanDeserializer".into()),
                _ => return Err("Size of data received by BooleanDeserializer is not 1".into()),
            },
            Self::Uuid => uuid(bytes)?,
            Self::Void => return Err("Data should be null for a VoidDeserializer.".into()),
        };
        Ok(text.into_bytes())
    }
}

fn sized<const N: usize>(bytes: &[u8], problem: &str) -> Result<[u8; N], String> {
    bytes.try_into().map_err(|_| format!("Size of data received by {problem}"))
}

fn uuid(bytes: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let sizes: Vec<usize> = text.split('-').map(str::len).collect();
    let is_hex = text.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    if is_hex && sizes == [8, 4, 4, 4, 12] {
        return Ok(text);
    }
    Err("Error parsing data into UUID".into())
}

/// A number in Java's notation, from its shortest digits in the form `1.5e3`.
fn java_decimal(scientific: &str, number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity".into() } else { "-Infinity".into() };
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let with_point = |whole: &str, fraction: &str| {
        let fraction = if fraction.is_empty() { "0" } else { fraction };
        format!("{sign}{whole}.{fraction}")
    };
    if number == 0.0 {
        return with_point("0", "");
    }
    match usize::try_from(exponent) {
        Ok(exponent) if exponent < 7 => {
            let padded = format!("{digits:0<width$}", width = exponent + 1);
            with_point(&padded[..=exponent], &padded[exponent + 1..])
        }
        Err(_) if exponent >= -3 => {
            let zeros = usize::try_from(-exponent - 1).unwrap_or_default();
            with_point("0", &format!("{}{digits}", "0".repeat(zeros)))
        }
        _ => format!("{}E{exponent}", with_point(&digits[..1], &digits[1..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(number: f64) -> String {
        let class = "org.apache.kafka.common.serialization.DoubleDeserializer";
        let printed = Deserializer::named(class).unwrap().print(&number.to_be_bytes());
        String::from_utf8(printed.unwrap()).unwrap()
    }

    #[test]
    fn decimals_are_printed_as_in_java() {
        let shown = [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (0.001, "0.001"),
            (0.000_123, "1.23E-4"),
            (1_234_567.0, "1234567.0"),
            (12_345_678.0, "1.2345678E7"),
            (1e10, "1.0E10"),
            (100.25, "100.25"),
        ];
        for (number, text) in shown {
            assert_eq!(double(number), text);
        }
    }

    #[test]
    fn sizes_are_checked() {
        let long = Deserializer::named("LongDeserializer").unwrap();
        assert_eq!(long.print(&7_i64.to_be_bytes()).unwrap(), b"7");
        assert_eq!(long.print(b"a").unwrap_err(), "Size of data received by LongDeserializer is not 8");
        assert_eq!(Deserializer::named("Foo"), None);
        assert_eq!(Deserializer::Uuid.print(b"x").unwrap_err(), "Error parsing data into UUID");
    }
}
