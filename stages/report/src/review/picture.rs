//! The spectrogram of a clip as a PNG file, with axes in seconds and kHz and the detection between two lines.
//!
//! Levels are log-mel, from the clip's median to its highest, in the colours of the report, pale to dark.

use std::convert::Infallible;
use std::ops::Range;

use chorus_audio::dsp::logmel::{LogMel, MelConfig};
use chorus_audio::error::AudioError;
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::ascii::FONT_6X10;
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::{DrawTarget, OriginDimensions, Pixel, Point, RgbColor, Size};
use embedded_graphics::text::{Alignment, Baseline, Text, TextStyleBuilder};

use super::ExportError;

/// Rows of the spectrogram.
const BANDS: usize = 160;
/// About how many columns a spectrogram has.
const COLUMNS: usize = 640;
/// Seconds of sound in one column's transform.
const TRANSFORM_S: f64 = 0.04;
/// Pixels beside, above and below the spectrogram.
const LEFT: usize = 40;
const RIGHT: usize = 12;
const ABOVE: usize = 10;
const BELOW: usize = 24;
/// Frequencies that may have a mark, kHz.
const MARKS_KHZ: [f64; 11] = [0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
/// Pixels between marks of the frequency, at least.
const MARKS_APART: f64 = 14.0;

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

/// Draws a clip of mono samples; `event` is where in it the detection lies, seconds.
///
/// # Errors
/// [`ExportError::Nothing`] when the clip is too short to be drawn.
pub(super) fn picture(samples: &[f32], rate_hz: u32, event: &Range<f64>) -> Result<Vec<u8>, ExportError> {
    let failed = |e: &dyn std::fmt::Display| ExportError::Nothing { what: format!("a clip cannot be drawn: {e}") };
    let (levels, columns) = levels(samples, rate_hz).map_err(|e| failed(&e))?;
    let mut canvas = Canvas::new(LEFT + columns + RIGHT, ABOVE + BANDS + BELOW);
    let (low, high) = range(&levels);
    for (band, row) in levels.chunks(columns).enumerate() {
        for (column, level) in row.iter().enumerate() {
            canvas.set(LEFT + column, ABOVE + BANDS - 1 - band, shade(f64::from((level - low) / (high - low).max(1e-6))));
        }
    }
    let length_s = samples.len() as f64 / f64::from(rate_hz);
    draw_axes(&mut canvas, length_s, columns, f64::from(rate_hz) / 2.0);
    for edge_s in [event.start, event.end] {
        let column = (edge_s / length_s * columns as f64).clamp(0.0, columns as f64 - 1.0) as usize;
        (ABOVE / 2..ABOVE + BANDS).step_by(2).for_each(|row| canvas.set(LEFT + column, row, [0xc0, 0x20, 0x20]));
    }
    lodepng::encode24(&canvas.pixels, canvas.width, canvas.pixels.len() / 3 / canvas.width).map_err(|e| failed(&e))
}

/// Log-mel levels `[mel, frame]` in dB, and how many frames there are.
fn levels(samples: &[f32], rate_hz: u32) -> Result<(Vec<f32>, usize), AudioError> {
    let n_fft = ((TRANSFORM_S * f64::from(rate_hz)) as usize).next_power_of_two().max(64);
    let hop_length = (samples.len() / COLUMNS).clamp(n_fft / 16, n_fft / 2).max(1);
    let config = MelConfig {
        sample_rate_hz: rate_hz,
        n_fft,
        win_length: n_fft,
        hop_length,
        n_mels: BANDS,
        f_max_hz: f64::from(rate_hz) / 2.0,
        ..MelConfig::default()
    };
    let mut logmel = LogMel::new(&config)?;
    let columns = logmel.frames(samples.len());
    let mut levels = vec![0.0; BANDS * columns];
    logmel.compute(samples, &mut levels)?;
    Ok((levels, columns))
}

/// The levels that are drawn palest and darkest.
fn range(levels: &[f32]) -> (f32, f32) {
    let mut sorted = levels.to_vec();
    sorted.sort_by(f32::total_cmp);
    (sorted[sorted.len() / 2], sorted[sorted.len() - 1])
}

/// A colour for a share from 0 to 1.
fn shade(share: f64) -> [u8; 3] {
    let at = share.clamp(0.0, 1.0) * (PALETTE.len() - 1) as f64;
    let lower = (at as usize).min(PALETTE.len() - 2);
    let (a, b, part) = (PALETTE[lower], PALETTE[lower + 1], at - lower as f64);
    std::array::from_fn(|i| (f64::from(a[i]) + part * (f64::from(b[i]) - f64::from(a[i]))).round() as u8)
}

fn draw_axes(canvas: &mut Canvas, length_s: f64, columns: usize, nyquist_hz: f64) {
    let step_s = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0].into_iter().find(|step| length_s / step <= 12.0).unwrap_or(30.0);
    for mark in 0..=(length_s / step_s) as usize {
        let seconds = mark as f64 * step_s;
        let column = LEFT + (seconds / length_s * columns as f64) as usize;
        (0..4).for_each(|i| canvas.set(column, ABOVE + BANDS + i, [0; 3]));
        let text = if step_s < 1.0 { format!("{seconds:.1}") } else { format!("{seconds:.0}") };
        canvas.write(&text, column, ABOVE + BANDS + 5, Alignment::Center);
    }
    canvas.write("s", LEFT + columns + RIGHT - 2, ABOVE + BANDS + 13, Alignment::Right);
    canvas.write("kHz", 2, 0, Alignment::Left);
    let mut above = f64::INFINITY;
    for khz in MARKS_KHZ {
        let row = BANDS as f64 * (1.0 - mel(khz * 1000.0) / mel(nyquist_hz));
        if row < 2.0 || above - row < MARKS_APART {
            continue;
        }
        above = row;
        (0..4).for_each(|i| canvas.set(LEFT - 1 - i, ABOVE + row as usize, [0; 3]));
        canvas.write(&khz.to_string(), LEFT - 6, ABOVE + (row as usize).saturating_sub(5), Alignment::Right);
    }
}

/// Mels of a frequency on the HTK scale, which the bands are evenly spaced on.
fn mel(hz: f64) -> f64 {
    2595.0 * (1.0 + hz / 700.0).log10()
}

/// Pixels, red, green and blue.
struct Canvas {
    width: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self { width, pixels: vec![0xff; 3 * width * height] }
    }

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
            MonoTextStyle::new(&FONT_6X10, Rgb888::BLACK),
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
        let css = include_str!("../page/page.css");
        for (step, [r, g, b]) in PALETTE.into_iter().enumerate() {
            let wanted = format!("--q{}: #{r:02x}{g:02x}{b:02x}", step + 1);
            assert!(css.contains(&wanted), "{wanted}");
        }
        assert_eq!((shade(-1.0), shade(0.0), shade(1.0)), (PALETTE[0], PALETTE[0], PALETTE[6]));
    }

    #[test]
    fn a_tone_is_a_dark_line_at_its_frequency() {
        let rate_hz = 16_000;
        let tone: Vec<f32> = (0..32_000).map(|i| (i as f32 * 2000.0 * std::f32::consts::TAU / 16_000.0).sin() * 0.5).collect();
        let png = picture(&tone, rate_hz, &(0.5..1.5)).unwrap();
        let image = lodepng::decode24(&png).unwrap();
        let row_of = |hz: f64| ABOVE + (BANDS as f64 * (1.0 - mel(hz) / mel(8000.0))) as usize;
        let at = |row: usize| image.buffer[row * image.width + LEFT + (image.width - LEFT - RIGHT) / 2];
        let dark = |row: usize| u32::from(at(row).r) + u32::from(at(row).g) + u32::from(at(row).b);
        assert!(dark(row_of(2000.0)) < 200 && dark(row_of(500.0)) > 500, "{} {}", dark(row_of(2000.0)), dark(row_of(500.0)));
        assert_eq!(image.height, ABOVE + BANDS + BELOW);
        assert!(picture(&tone[..10], rate_hz, &(0.0..1.0)).is_err());
    }
}
