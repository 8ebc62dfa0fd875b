//! The site sheet.
#![no_main]

use chorus_audio::SiteSheet;
use chorus_fuzz::{TEXT, bounded};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    bounded(bytes.len(), TEXT, || {
        let sheet = SiteSheet::parse("sites.csv", bytes, Some("America/Sao_Paulo"));
        assert!(sheet.map_or_else(|error| error.to_string().contains("sites.csv"), |_| true));
    });
});
