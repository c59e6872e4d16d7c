//! JSON files that tools are given, read with the words that Kafka's tools have for what is wrong in them.

use serde_json::{Map, Value};

use crate::Failure;

/// The text of a file; its path is what the message of Kafka's tools ends with.
pub(crate) fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|_| format!("Unable to read file {path}"))
}

/// Why a document does not have the expected shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShapeError(pub(crate) String);

impl From<ShapeError> for Failure {
    fn from(error: ShapeError) -> Self {
        Self::Message(error.0)
    }
}

pub(crate) fn object(value: &Value) -> Result<&Map<String, Value>, ShapeError> {
    value.as_object().ok_or_else(|| ShapeError(format!("Expected JSON object, received {value}")))
}

pub(crate) fn array(value: &Value) -> Result<&[Value], ShapeError> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| ShapeError(format!("Expected JSON array, received {value}")))
}

pub(crate) fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a Value, ShapeError> {
    object.get(name).ok_or_else(|| ShapeError(format!("No such field exists: `{name}`")))
}

pub(crate) fn text(value: &Value) -> Result<String, ShapeError> {
    value.as_str().map(str::to_owned).ok_or_else(|| ShapeError(format!("Expected `String` value, received {value}")))
}

pub(crate) fn integer(value: &Value) -> Result<i32, ShapeError> {
    let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
    number.ok_or_else(|| ShapeError(format!("Expected `Integer` value, received {value}")))
}

pub(crate) fn long(value: &Value) -> Result<i64, ShapeError> {
    value.as_i64().ok_or_else(|| ShapeError(format!("Expected `Long` value, received {value}")))
}

/// Refuses every version but 1, which is also that of a document without one.
pub(crate) fn check_version(object: &Map<String, Value>) -> Result<(), ShapeError> {
    match object.get("version").map(integer).transpose()?.unwrap_or(1) {
        1 => Ok(()),
        other => Err(ShapeError(format!("Not supported version field value {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wrong_shapes_are_told_in_kafkas_words() {
        let document = json!({ "partition": "0", "version": 2 });
        let fields = object(&document).unwrap();
        assert_eq!(field(fields, "topic").unwrap_err().0, "No such field exists: `topic`");
        assert_eq!(integer(&fields["partition"]).unwrap_err().0, "Expected `Integer` value, received \"0\"");
        assert_eq!(check_version(fields).unwrap_err().0, "Not supported version field value 2");
        assert_eq!(array(&json!(1)).unwrap_err().0, "Expected JSON array, received 1");
    }
}
