//! The known name nearest to a misspelt one.

/// The nearest of `known` if it is near enough to be what was meant: a fifth of the letters, at least two.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 5).max(2);
    known.map(|other| (distance(name, other), other)).filter(|(far, _)| *far <= limit).min().map(|(_, other)| other)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = vec![0; right.len() + 1];
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for row in 1..=left.len() {
        let mut current = vec![row; right.len() + 1];
        for column in 1..=right.len() {
            let same = left[row - 1] == right[column - 1];
            let mut best = (above[column - 1] + usize::from(!same)).min(above[column] + 1).min(current[column - 1] + 1);
            let swapped =
                row > 1 && column > 1 && left[row - 1] == right[column - 2] && left[row - 2] == right[column - 1];
            if swapped {
                best = best.min(before[column - 2] + 1);
            }
            current[column] = best;
        }
        before = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("listeners", "listners"), 1);
        assert_eq!(distance("log.dris", "log.dirs"), 1);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn only_near_names_are_offered() {
        let known = ["log.dirs", "listeners", "log.retention.ms"];
        assert_eq!(nearest("log.retension.ms", known.into_iter()), Some("log.retention.ms"));
        assert_eq!(nearest("completely.else", known.into_iter()), None);
    }
}
