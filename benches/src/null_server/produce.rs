//! Produce versions 3 to 9, read in place: topics and partitions are named in the answer, records are skipped.

/// The newest version that is understood.
pub(super) const LAST_VERSION: i16 = 9;
const FIRST_FLEXIBLE: i16 = 9;
const FIRST_WITH_LOG_START: i16 = 5;
const FIRST_WITH_RECORD_ERRORS: i16 = 8;

/// Appends the answer, size included. None if the request is not understood.
pub(super) fn answer(frame: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut scan = Scan { rest: frame, is_flexible: false };
    scan.take(2)?;
    let version = scan.int16()?;
    let correlation_id = scan.take(4)?;
    scan.string()?;
    if !(3..=LAST_VERSION).contains(&version) {
        return None;
    }
    scan.is_flexible = version >= FIRST_FLEXIBLE;
    scan.tags()?;
    scan.string()?;
    scan.take(2 + 4)?;
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(correlation_id);
    let mut answer = Answer { out, is_flexible: scan.is_flexible, version };
    answer.tags();
    answer.topics(&mut scan)?;
    let size = u32::try_from(out.len() - start - 4).ok()?;
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
    Some(())
}

struct Scan<'a> {
    rest: &'a [u8],
    is_flexible: bool,
}

impl<'a> Scan<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn int16(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(*self.take(2)?.first_chunk()?))
    }

    fn int32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(*self.take(4)?.first_chunk()?))
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.take(1)?[0];
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A nullable string or its like; null is empty.
    fn string(&mut self) -> Option<&'a [u8]> {
        let len = if self.is_flexible { self.varint()?.saturating_sub(1) } else { self.int16()?.max(0) as usize };
        self.take(len)
    }

    fn records(&mut self) -> Option<&'a [u8]> {
        let len = if self.is_flexible { self.varint()?.saturating_sub(1) } else { self.int32()?.max(0) as usize };
        self.take(len)
    }

    fn count(&mut self) -> Option<usize> {
        if self.is_flexible { Some(self.varint()?.saturating_sub(1)) } else { Some(self.int32()?.max(0) as usize) }
    }

    fn tags(&mut self) -> Option<()> {
        if self.is_flexible {
            for _ in 0..self.varint()? {
                self.varint()?;
                let len = self.varint()?;
                self.take(len)?;
            }
        }
        Some(())
    }
}

struct Answer<'a> {
    out: &'a mut Vec<u8>,
    is_flexible: bool,
    version: i16,
}

impl Answer<'_> {
    fn topics(&mut self, scan: &mut Scan<'_>) -> Option<()> {
        let topics = scan.count()?;
        self.count(topics);
        for _ in 0..topics {
            let name = scan.string()?;
            self.string(name);
            let partitions = scan.count()?;
            self.count(partitions);
            for _ in 0..partitions {
                let index = scan.take(4)?;
                scan.records()?;
                scan.tags()?;
                self.partition(index);
            }
            scan.tags()?;
            self.tags();
        }
        self.out.extend_from_slice(&0_i32.to_be_bytes());
        self.tags();
        Some(())
    }

    fn partition(&mut self, index: &[u8]) {
        self.out.extend_from_slice(index);
        self.out.extend_from_slice(&0_i16.to_be_bytes());
        self.out.extend_from_slice(&0_i64.to_be_bytes());
        self.out.extend_from_slice(&(-1_i64).to_be_bytes());
        if self.version >= FIRST_WITH_LOG_START {
            self.out.extend_from_slice(&0_i64.to_be_bytes());
        }
        if self.version >= FIRST_WITH_RECORD_ERRORS {
            self.count(0);
            if self.is_flexible { self.out.push(0) } else { self.out.extend_from_slice(&(-1_i16).to_be_bytes()) }
        }
        self.tags();
    }

    fn count(&mut self, count: usize) {
        if self.is_flexible {
            self.varint(count + 1)
        } else {
            self.out.extend_from_slice(&(count as u32).to_be_bytes())
        }
    }

    fn string(&mut self, text: &[u8]) {
        if self.is_flexible {
            self.varint(text.len() + 1);
        } else {
            self.out.extend_from_slice(&(text.len() as u16).to_be_bytes());
        }
        self.out.extend_from_slice(text);
    }

    fn varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.out.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    fn tags(&mut self) {
        if self.is_flexible {
            self.out.push(0);
        }
    }
}
