//! The spectrogram of a clip as a PNG file, with axes in seconds and kHz and the detection between two lines.
//!
//! Levels are log-mel, from the clip's median to its highest, in the colours of the report, pale to dark. A column of pixels shows the
//! highest level of its time, so that a short call is seen in a long clip.

use std::convert::Infallible;
use std::ops::Range;

use chorus_audio::dsp::logmel::{LogMel, MelConfig};
use chorus_audio::error::AudioError;
use embedded_graphics::mono_font::ascii::{FONT_6X10, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::{DrawTarget, OriginDimensions, Pixel, Point, RgbColor, Size};
use embedded_graphics::text::{Alignment, Baseline, Text, TextStyleBuilder};

use super::error::ClipError;

/// Seconds of sound in one transform.
const TRANSFORM_S: f64 = 0.04;
/// Steps between neighbouring colours of the palette: with the marks' fewer colours than an indexed PNG may have, which is a third of the
/// size.
const SHADES: f64 = 24.0;
/// Frequencies that may have a mark, kHz.
const MARKS_KHZ: [f64; 11] = [0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
/// Marks are so far below the upper edge at least, as a share of the height.
const EDGE: f64 = 1.0 / 120.0;
/// Marks along the time, at most.
const MARKS: f64 = 12.0;

/// The colours `q1` to `q7` of the report's style sheet.
pub(super) const PALETTE: [[u8; 3]; 7] = [
    [0xde, 0xf5, 0xe5],
    [0x8b, 0xda, 0xb2],
    [0x40, 0xb7, 0xad],
    [0x34, 0x8f, 0xa7],
    [0x37, 0x65, 0x9e],
    [0x41, 0x3d, 0x7b],
    [0x2e, 0x1e, 0x3b],
];

/// How large a picture is, in pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// Columns of the spectrogram.
    columns: usize,
    /// Rows of the spectrogram, and mel bands.
    bands: usize,
    /// Pixels around the spectrogram.
    left: usize,
    right: usize,
    above: usize,
    below: usize,
    /// The letters of the axes.
    font: &'static MonoFont<'static>,
}

impl Extent {
    /// For a person who goes through a sheet.
    pub(crate) const SHEET: Self = Self { columns: 800, bands: 240, left: 40, right: 12, above: 10, below: 24, font: &FONT_6X10 };
    /// For a page that shows it at half its size, so that it is sharp on a telephone and on paper.
    pub(crate) const PAGE: Self = Self { columns: 640, bands: 240, left: 58, right: 22, above: 22, below: 44, font: &FONT_10X20 };

    /// Width and height of the whole picture.
    pub(crate) fn size(self) -> [usize; 2] {
        [self.left + self.columns + self.right, self.above + self.bands + self.below]
    }

    /// Where in it the spectrogram begins, from the left and from above, and its width and height.
    pub(crate) fn spectrogram(self) -> [usize; 4] {
        [self.left, self.above, self.columns, self.bands]
    }

    /// Width and height of one of its letters.
    fn letter(self) -> (usize, usize) {
        (self.font.character_size.width as usize, self.font.character_size.height as usize)
    }
}

/// A drawn clip.
pub(super) struct Picture {
    /// The file.
    pub(super) png: Vec<u8>,
    /// Pixels across.
    pub(super) width: usize,
    /// Pixels upwards.
    pub(super) height: usize,
}

/// Draws a clip of mono samples; `event` is where in it the detection lies, seconds.
///
/// # Errors
/// [`ClipError::Unfit`] when the clip is too short to be drawn.
pub(super) fn picture(samples: &[f32], rate_hz: u32, event: &Range<f64>, extent: Extent) -> Result<Picture, ClipError> {
    let failed = |e: &dyn std::fmt::Display| ClipError::Unfit { samples: samples.len(), found: e.to_string() };
    let Extent { columns, bands, left, above, .. } = extent;
    let (levels, frames) = levels(samples, rate_hz, extent).map_err(|e| failed(&e))?;
    let [width, height] = extent.size();
    let mut canvas = Canvas { extent, width, pixels: vec![0xff; 3 * width * height] };
    let (low, high) = range(&levels);
    for (band, row) in levels.chunks(frames).enumerate() {
        for column in 0..columns {
            let first = column * frames / columns;
            let until = ((column + 1) * frames / columns).max(first + 1);
            let level = row[first..until].iter().copied().fold(f32::NEG_INFINITY, f32::max);
            canvas.set(left + column, above + bands - 1 - band, shade(f64::from((level - low) / (high - low).max(1e-6))));
        }
    }
    let length_s = samples.len() as f64 / f64::from(rate_hz);
    draw_axes(&mut canvas, length_s, f64::from(rate_hz) / 2.0);
    let dot = extent.letter().0 / 5;
    for edge_s in [event.start, event.end] {
        let column = (edge_s / length_s * columns as f64).clamp(0.0, (columns - dot) as f64) as usize;
        for row in (above / 2..above + bands).filter(|row| (row / dot).is_multiple_of(2)) {
            (0..dot).for_each(|i| canvas.set(left + column + i, row, [0xc0, 0x20, 0x20]));
        }
    }
    let png = lodepng::encode24(&canvas.pixels, width, height).map_err(|e| failed(&e))?;
    Ok(Picture { png, width, height })
}

/// Log-mel levels `[mel, frame]` in dB, and how many frames there are.
fn levels(samples: &[f32], rate_hz: u32, extent: Extent) -> Result<(Vec<f32>, usize), AudioError> {
    let n_fft = ((TRANSFORM_S * f64::from(rate_hz)) as usize).next_power_of_two().max(64);
    let hop_length = (samples.len() / extent.columns).clamp(n_fft / 16, n_fft / 2).max(1);
    let config = MelConfig {
        sample_rate_hz: rate_hz,
        n_fft,
        win_length: n_fft,
        hop_length,
        n_mels: extent.bands,
        f_max_hz: f64::from(rate_hz) / 2.0,
        ..MelConfig::default()
    };
    let mut logmel = LogMel::new(&config)?;
    let frames = logmel.frames(samples.len());
    let mut levels = vec![0.0; extent.bands * frames];
    logmel.compute(samples, &mut levels)?;
    Ok((levels, frames))
}

/// The levels that are drawn palest and darkest.
fn range(levels: &[f32]) -> (f32, f32) {
    let mut sorted = levels.to_vec();
    sorted.sort_by(f32::total_cmp);
    (sorted[sorted.len() / 2], sorted[sorted.len() - 1])
}

/// A colour for a share from 0 to 1.
fn shade(share: f64) -> [u8; 3] {
    let at = (share.clamp(0.0, 1.0) * (PALETTE.len() - 1) as f64 * SHADES).round() / SHADES;
    let lower = (at as usize).min(PALETTE.len() - 2);
    let (a, b, part) = (PALETTE[lower], PALETTE[lower + 1], at - lower as f64);
    std::array::from_fn(|i| (f64::from(a[i]) + part * (f64::from(b[i]) - f64::from(a[i]))).round() as u8)
}

fn draw_axes(canvas: &mut Canvas, length_s: f64, nyquist_hz: f64) {
    let Extent { columns, bands, left, right, above, .. } = canvas.extent;
    let (wide, high) = canvas.extent.letter();
    let tick = high * 2 / 5;
    let step_s = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0].into_iter().find(|step| length_s / step <= MARKS).unwrap_or(30.0);
    for mark in 0..=(length_s / step_s) as usize {
        let seconds = mark as f64 * step_s;
        let column = left + (seconds / length_s * columns as f64) as usize;
        (0..tick).for_each(|i| canvas.set(column, above + bands + i, [0; 3]));
        let text = if step_s < 1.0 { format!("{seconds:.1}") } else { format!("{seconds:.0}") };
        canvas.write(&text, column, above + bands + tick + 1, Alignment::Center);
    }
    canvas.write("s", left + columns + right - 2, above + bands + tick + high - 1, Alignment::Right);
    canvas.write("kHz", 2, 0, Alignment::Left);
    for (khz, depth) in marks(nyquist_hz, 1.4 * high as f64 / bands as f64) {
        let row = bands as f64 * depth;
        (0..tick).for_each(|i| canvas.set(left - 1 - i, above + row as usize, [0; 3]));
        canvas.write(&khz.to_string(), left - wide, above + (row as usize).saturating_sub(high / 2), Alignment::Right);
    }
}

/// Frequencies for the axis of a spectrogram, kHz, from low to high, each with how far below its upper edge it lies, as a share of its
/// height. None is nearer than `apart`, also a share, to the one before.
pub(crate) fn marks(nyquist_hz: f64, apart: f64) -> Vec<(f64, f64)> {
    let mut marks: Vec<(f64, f64)> = Vec::new();
    for khz in MARKS_KHZ {
        let depth = 1.0 - mel(khz * 1000.0) / mel(nyquist_hz);
        if depth >= EDGE && marks.last().is_none_or(|(_, last)| last - depth >= apart) {
            marks.push((khz, depth));
        }
    }
    marks
}

/// Mels of a frequency on the HTK scale, which the bands are evenly spaced on.
fn mel(hz: f64) -> f64 {
    2595.0 * (1.0 + hz / 700.0).log10()
}

/// Pixels, red, green and blue.
struct Canvas {
    extent: Extent,
    width: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    fn set(&mut self, column: usize, row: usize, colour: [u8; 3]) {
        if let Some(pixel) = self.pixels.get_mut(3 * (row * self.width + column)..).filter(|_| column < self.width)
            && let Some(pixel) = pixel.get_mut(..3)
        {
            pixel.copy_from_slice(&colour);
        }
    }

    fn write(&mut self, text: &str, column: usize, row: usize, alignment: Alignment) {
        let style = TextStyleBuilder::new().alignment(alignment).baseline(Baseline::Top).build();
        let text = Text::with_text_style(
            text,
            Point::new(column as i32, row as i32),
            MonoTextStyle::new(self.extent.font, Rgb888::BLACK),
            style,
        );
        let Ok(_) = embedded_graphics::Drawable::draw(&text, self);
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.width as u32, (self.pixels.len() / 3 / self.width) as u32)
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, colour) in pixels {
            if let (Ok(column), Ok(row)) = (usize::try_from(point.x), usize::try_from(point.y)) {
                self.set(column, row, [colour.r(), colour.g(), colour.b()]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_are_the_reports() {
        let css = include_str!("../page/colours.css");
        for (step, [r, g, b]) in PALETTE.into_iter().enumerate() {
            let wanted = format!("--q{}: #{r:02x}{g:02x}{b:02x}", step + 1);
            assert!(css.contains(&wanted), "{wanted}");
        }
        assert_eq!((shade(-1.0), shade(0.0), shade(1.0)), (PALETTE[0], PALETTE[0], PALETTE[6]));
    }

    #[test]
    fn a_tone_is_a_dark_line_at_its_frequency() {
        let rate_hz = 16_000;
        for (extent, seconds) in [(Extent::SHEET, 2.0), (Extent::PAGE, 2.0), (Extent::PAGE, 0.1), (Extent::PAGE, 60.0)] {
            let Extent { columns, bands, left, right, above, below, .. } = extent;
            let sample = |i: usize| (i as f32 * 2000.0 * std::f32::consts::TAU / 16_000.0).sin() * 0.5;
            let tone: Vec<f32> = (0..(seconds * 16_000.0) as usize).map(sample).collect();
            let picture = picture(&tone, rate_hz, &(0.5..1.5), extent).unwrap();
            let image = lodepng::decode24(&picture.png).unwrap();
            let row_of = |hz: f64| above + (bands as f64 * (1.0 - mel(hz) / mel(8000.0))) as usize;
            let at = |row: usize| image.buffer[row * image.width + left + columns / 2];
            let dark = |row: usize| u32::from(at(row).r) + u32::from(at(row).g) + u32::from(at(row).b);
            assert!(dark(row_of(2000.0)) < 200 && dark(row_of(500.0)) > 500, "{} {}", dark(row_of(2000.0)), dark(row_of(500.0)));
            assert_eq!((image.width, image.height), (left + columns + right, above + bands + below));
            assert_eq!((picture.width, picture.height), (image.width, image.height));
        }
        assert!(picture(&[0.0; 10], rate_hz, &(0.0..1.0), Extent::PAGE).is_err());
    }

    #[test]
    fn marks_are_apart_and_below_the_upper_edge() {
        assert_eq!(marks(8000.0, 0.12).iter().map(|(khz, _)| *khz).collect::<Vec<_>>(), [0.2, 1.0, 2.0, 4.0]);
        assert_eq!(marks(8001.0, 0.0).iter().map(|(khz, _)| *khz).collect::<Vec<_>>(), [0.2, 0.5, 1.0, 2.0, 4.0]);
        assert!(marks(24_000.0, 0.1).windows(2).all(|pair| pair[0].1 - pair[1].1 >= 0.1));
        // Half of all mels: 700 (sqrt(1 + 8000 / 700) - 1) Hz is in the middle.
        let middle = 700.0 * ((1.0f64 + 8000.0 / 700.0).sqrt() - 1.0);
        assert!((1.0 - mel(middle) / mel(8000.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn noise_has_few_enough_colours_for_an_indexed_file() {
        let mut state = 1u32;
        let mut sample = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let noise: Vec<f32> = (0..64_000).map(|_| sample()).collect();
        let png = picture(&noise, 16_000, &(0.5..3.5), Extent::PAGE).unwrap().png;
        // The header's colour type: 3 is indexed.
        assert_eq!(png[25], 3);
    }
}
