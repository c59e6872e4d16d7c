//! What suites print: `ok - name`, `ok - name # SKIP why`, `not ok - name: reason`, and perhaps `1..N`.

/// The outcome of one suite.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub passed: usize,
    /// Whole lines.
    pub skipped: Vec<String>,
    pub failed: Vec<String>,
    planned: Option<usize>,
}

impl Tally {
    pub(crate) fn read(output: &str) -> Self {
        let mut tally = Self::default();
        for line in output.lines() {
            if line.starts_with("not ok - ") {
                tally.failed.push(line.to_owned());
            } else if line.starts_with("ok - ") && line.contains("# SKIP") {
                tally.skipped.push(line.to_owned());
            } else if line.starts_with("ok - ") {
                tally.passed += 1;
            } else if let Some(count) = line.strip_prefix("1..") {
                tally.planned = count.trim().parse().ok();
            }
        }
        tally
    }

    /// Turns what the lines cannot show by themselves into a failure: nothing ran, fewer ran than planned, or the
    /// program ended otherwise than its lines say.
    pub(crate) fn judge(&mut self, ended_well: bool, how_it_ended: &str) {
        let reported = self.passed + self.skipped.len() + self.failed.len();
        if reported == 0 {
            self.fail(&format!("no check was reported; the program {how_it_ended}"));
        } else if self.planned.is_some_and(|planned| planned != reported) {
            self.fail(&format!("{reported} checks were reported, {} planned", self.planned.unwrap_or(0)));
        } else if !ended_well && self.failed.is_empty() {
            self.fail(&format!("every check passed, but the program {how_it_ended}"));
        }
    }

    fn fail(&mut self, reason: &str) {
        self.failed.push(format!("not ok - suite: {reason}"));
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn counts_passes_skips_and_failures() {
        let tally = Tally::read("# note\nok - a\nok - b # SKIP old client\nnot ok - c: wrong\n1..3\n");
        assert_eq!(1, tally.passed);
        assert_eq!(["ok - b # SKIP old client"], tally.skipped.as_slice());
        assert_eq!(["not ok - c: wrong"], tally.failed.as_slice());
    }

    #[test]
    fn silence_is_a_failure() {
        let mut tally = Tally::read("starting\n");
        tally.judge(true, "ended with 0");
        assert_eq!(1, tally.failed.len());
    }

    #[test]
    fn a_short_run_is_a_failure() {
        let mut tally = Tally::read("ok - a\n1..2\n");
        tally.judge(true, "ended with 0");
        assert_eq!(1, tally.failed.len());
    }

    #[test]
    fn an_exit_code_against_the_lines_is_a_failure() {
        let mut tally = Tally::read("ok - a\n");
        tally.judge(false, "ended with 1");
        assert_eq!(1, tally.failed.len());
    }
}
