//! Text of older programs for Windows.

/// What Windows-1252 has at the bytes 0x80 to 0x9F, where Latin-1 has control characters that no table holds. Five bytes stand for none.
///
/// Source: the index of windows-1252 in the Encoding Standard (<https://encoding.spec.whatwg.org/index-windows-1252.txt>).
const OF_WINDOWS: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}', '\u{2030}',
    '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}',
    '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}', '\u{178}',
];

/// Bytes that are no UTF-8 as text: Windows-1252, which holds Latin-1. Every byte is a character, so no input is refused.
///
/// ```
/// assert_eq!(chorus_text::western(b"Swainson\x92s Rivi\xE8re"), "Swainson\u{2019}s Rivi\u{e8}re");
/// ```
#[must_use]
pub fn western(bytes: &[u8]) -> String {
    let character = |&byte: &u8| match byte {
        0x80..=0x9F => OF_WINDOWS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    };
    bytes.iter().map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_a_character_of_its_own() {
        let all: Vec<u8> = (0..=255).collect();
        let text: Vec<char> = western(&all).chars().collect();
        assert_eq!(
            (text.len(), text[0x41], text[0x80], text[0x96], text[0x9F], text[0xE3]),
            (256, 'A', '\u{20ac}', '\u{2013}', '\u{178}', '\u{e3}')
        );
        let apart: std::collections::BTreeSet<&char> = text.iter().collect();
        assert_eq!(apart.len(), 256);
    }
}
