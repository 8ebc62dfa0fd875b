//! Downmixing of a recording's channels to one: their mean, or one of them.

use std::str::FromStr;

use chorus_keys::{KeyType, Kind, Range, Word};
use serde::{Deserialize, Deserializer};

/// How several channels become one: the key `archive.channel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The mean of all channels that are not dead.
    #[default]
    Mix,
    /// This channel, the first being 1.
    Channel(u16),
}

/// A text that is neither `mix` nor the number of a channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("channel: found {0:?}; expected mix, or the number of a channel, counted from 1")]
pub struct NoChoice(String);

impl FromStr for Choice {
    type Err = NoChoice;

    fn from_str(text: &str) -> Result<Self, NoChoice> {
        match text.parse() {
            _ if text == "mix" => Ok(Self::Mix),
            Ok(number) if number >= 1 => Ok(Self::Channel(number)),
            _ => Err(NoChoice(text.to_owned())),
        }
    }
}

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Value {
            Number(u64),
            Text(String),
        }
        let text = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl KeyType for Choice {
    fn kind(range: Range) -> Kind {
        Kind::WordOrInteger(Word { name: "mix", about: "The mean of all channels that are not silent throughout." }, range)
    }
}

impl Choice {
    /// Whether a recording of so many channels has what is chosen.
    #[must_use]
    pub fn is_in(self, channels: u16) -> bool {
        match self {
            Self::Mix => true,
            Self::Channel(number) => number <= channels,
        }
    }

    /// The channels to take the mean of, counted from 0. `dead` are channels counted from 1; where all are dead, the
    /// mix is of all.
    #[must_use]
    pub fn of(self, channels: u16, dead: &[u16]) -> Vec<usize> {
        let alive: Vec<usize> = (0..channels).filter(|i| !dead.contains(&(i + 1))).map(usize::from).collect();
        match self {
            Self::Channel(number) => vec![usize::from(number.clamp(1, channels.max(1)) - 1)],
            Self::Mix if alive.is_empty() => (0..usize::from(channels)).collect(),
            Self::Mix => alive,
        }
    }
}

/// Replaces `mono` by the mean over `chosen` (counted from 0, at least one) of the channels of `interleaved` `[frame, channel]`.
pub fn mix_to_mono(interleaved: &[f32], channels: u16, chosen: &[usize], mono: &mut Vec<f32>) {
    mono.clear();
    let frames = interleaved.chunks_exact(usize::from(channels.max(1)));
    match chosen {
        _ if channels <= 1 => mono.extend_from_slice(interleaved),
        [one] => mono.extend(frames.map(|frame| frame[*one])),
        all if all.len() == usize::from(channels) => {
            let scale = 1.0 / f32::from(channels);
            mono.extend(frames.map(|frame| frame.iter().sum::<f32>() * scale));
        }
        some => {
            let scale = 1.0 / some.len() as f32;
            mono.extend(frames.map(|frame| some.iter().map(|&i| frame[i]).sum::<f32>() * scale));
        }
    }
}

/// Numbers of channels as they stand in a table: `1,3`; None for none.
#[must_use]
pub fn listed(numbers: &[u16]) -> Option<String> {
    let texts: Vec<String> = numbers.iter().map(u16::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

/// The numbers in a text that [`listed`] made.
#[must_use]
pub fn numbers(listed: Option<&str>) -> Vec<u16> {
    listed.into_iter().flat_map(|text| text.split(',')).filter_map(|number| number.trim().parse().ok()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn mixed(interleaved: &[f32], channels: u16, choice: &str, dead: &[u16]) -> Vec<f32> {
        let mut mono = vec![9.0];
        let choice: Choice = choice.parse().unwrap();
        mix_to_mono(interleaved, channels, &choice.of(channels, dead), &mut mono);
        mono
    }

    #[test]
    fn mono_is_the_mean_of_the_channels() {
        assert_eq!(mixed(&[0.5, -0.25, 0.25, 0.75], 2, "mix", &[]), [0.125, 0.5]);
        assert_eq!(mixed(&[0.5, -0.25], 1, "mix", &[]), [0.5, -0.25]);
    }

    #[test]
    fn a_dead_channel_does_not_halve_the_level() {
        let stereo = [0.5, 0.0, 0.25, 0.0];
        assert_eq!(mixed(&stereo, 2, "mix", &[2]), [0.5, 0.25]);
        assert_eq!(mixed(&stereo, 2, "mix", &[1, 2]), [0.25, 0.125], "all dead: as if none were");
        assert_eq!(mixed(&[0.5, 0.0, 0.25, 1.0, 0.0, 0.5], 3, "mix", &[2]), [0.375, 0.75]);
        assert_eq!(mixed(&[0.0], 1, "mix", &[1]), [0.0]);
    }

    #[test]
    fn one_channel_can_be_chosen() {
        let stereo = [0.5, -0.25, 0.25, 0.75];
        assert_eq!(mixed(&stereo, 2, "1", &[]), [0.5, 0.25]);
        assert_eq!(mixed(&stereo, 2, "2", &[2]), [-0.25, 0.75], "even a dead one, when it is asked for");
        assert!(Choice::Channel(2).is_in(2) && !Choice::Channel(3).is_in(2));
        assert!(["0", "", "left", "-1"].iter().all(|text| text.parse::<Choice>().is_err()));
    }

    #[test]
    fn lists_are_read_as_they_are_written() {
        assert_eq!((listed(&[]), listed(&[1, 12])), (None, Some("1,12".to_owned())));
        assert_eq!((numbers(None), numbers(Some("1,12"))), (vec![], vec![1, 12]));
    }
}
