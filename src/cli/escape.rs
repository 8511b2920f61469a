//! Making text from files safe to show on a terminal.

/// Escapes newlines, control codes, and marks that change the direction of text. File names and
/// slide properties can hold any of them.
pub(super) fn plain(text: &str) -> String {
    let is_direction_mark = |letter| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || is_direction_mark(letter) {
            plain.extend(letter.escape_default());
        } else {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_control_codes_and_direction_marks() {
        assert_eq!(plain("a\nb\u{1b}[31m é\u{202e}"), "a\\nb\\u{1b}[31m é\\u{202e}");
    }
}
