//! Text and JSON as tools print them.

use serde_json::Value;

/// Rows under a header in columns as wide as their widest cell, one blank between, each padded on the right: the shape
/// of Kafka's tables.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(header.get(column).map(|cell| cell.chars().count())).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join(" ")
    };
    let first = line(&mut header.iter().copied());
    std::iter::once(first).chain(rows.iter().map(|row| line(&mut row.iter().map(String::as_str)))).collect()
}

/// Rows under a header, every cell padded and followed by a tab: the other shape of Kafka's tables.
pub fn tabbed(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(header.get(column).map(|cell| cell.chars().count())).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| -> String {
        cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}\t")).collect()
    };
    let first = line(&mut header.iter().copied());
    std::iter::once(first).chain(rows.iter().map(|row| line(&mut row.iter().map(String::as_str)))).collect()
}

/// An error as a member of a JSON document.
pub fn json_error(code: &str, message: &str) -> Value {
    serde_json::json!({ "code": code, "message": message })
}

/// A JSON document for `--output json`.
pub fn json(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let lines = super::table(&["A", "LONG"], &[vec!["wide".into(), "x".into()]]);
        assert_eq!(lines, ["A    LONG", "wide x   "]);
    }
}
