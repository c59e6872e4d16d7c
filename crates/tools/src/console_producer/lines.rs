//! Standard input as lines, ended as Java's reader ends them: by a line feed, a carriage return, or both. Bytes are not
//! changed. What a line means is in `line_reader.rs`.

use std::io::{self, Read};

const CHUNK: usize = 64 * 1024;

/// Lines of a stream. After a line the stream is asked again only if no whole line is left.
pub(super) struct Lines<'a> {
    input: &'a mut dyn Read,
    buffer: Vec<u8>,
    start: usize,
    /// A carriage return was the last byte: a line feed that follows belongs to it.
    after_return: bool,
    is_over: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(input: &'a mut dyn Read) -> Self {
        Self { input, buffer: Vec::new(), start: 0, after_return: false, is_over: false }
    }

    /// Whether the next line is in memory.
    pub(super) fn has_line(&self) -> bool {
        self.buffer[self.start..].iter().any(|byte| matches!(byte, b'\n' | b'\r'))
    }

    /// The next line without its end.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            self.skip_line_feed();
            let rest = &self.buffer[self.start..];
            let found = rest.get(searched..).unwrap_or_default().iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            if let Some(found) = found.map(|index| searched + index) {
                let line = rest[..found].to_vec();
                self.after_return = rest[found] == b'\r';
                self.start += found + 1;
                return Ok(Some(line));
            }
            if self.is_over {
                let line = rest.to_vec();
                self.start = self.buffer.len();
                return Ok((!line.is_empty()).then_some(line));
            }
            searched = rest.len();
            self.fill()?;
        }
    }

    fn skip_line_feed(&mut self) {
        if self.after_return && self.buffer.get(self.start) == Some(&b'\n') {
            self.start += 1;
            self.after_return = false;
        } else if self.start < self.buffer.len() {
            self.after_return = false;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let filled = self.buffer.len();
        self.buffer.resize(filled + CHUNK, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
        self.is_over = read? == 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn all_ends_of_lines_in_pieces_of_any_size() {
        for size in 1..8 {
            let mut input = Trickle(b"a\r\nb\n\n\rc\rlast", size);
            let mut lines = Lines::new(&mut input);
            let mut found = Vec::new();
            while let Some(line) = lines.next().unwrap() {
                found.push(String::from_utf8(line).unwrap());
            }
            assert_eq!(found, ["a", "b", "", "", "c", "last"], "{size}");
        }
    }
}
