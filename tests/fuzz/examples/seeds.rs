//! Writes the corpora that fuzzing starts from: small sound examples of everything, `corpus/TARGET/NAME`.

use std::fs;
use std::io;
use std::path::Path;

#[path = "../../../stages/audio/tests/common/mod.rs"]
mod common;

use common::{Flac, chunk, fmt, pcm16, ramp, riff};

const AUDIOMOTH: &[u8] =
    b"Recorded at 20:26:15.003 03/09/2024 (UTC-3:30) by AudioMoth 24E144055E080032 at medium gain while battery \
    was 4.2V and temperature was -3.5C.";
const GUANO: &[u8] =
    b"GUANO|Version: 1.0\nMake: A\nModel: B\nSerial: 7\nFirmware Version: 2\nTimestamp: 2020-03-01 19:00:00.25-03:00\nTE: 10\n\
    Samplerate: 8000\nLoc Position: -10.5 -50.5\nOAD|Battery Voltage: 4.2\nTemperature Int: 19.3\n\
    WA|Song Meter|Audio settings: [{\"rate\":24000,\"gain\":\"12dB\"}]";

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, seeds) in [
        ("wav", recordings()),
        ("compressed", compressed()),
        ("headers", headers()),
        ("labels", labels()),
        ("lists", texts(LISTS)),
        ("names", texts(NAMES)),
        ("sheet", texts(SHEETS)),
        ("config", texts(CONFIGS)),
    ] {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (i, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{i:02}")), seed)?;
        }
    }
    Ok(())
}

fn texts(all: &[&str]) -> Vec<Vec<u8>> {
    all.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A file for each member of the WAV family and each encoding.
fn recordings() -> Vec<Vec<u8>> {
    let data = chunk(b"data", &pcm16(&ramp(24)));
    let of = |fmt: Vec<u8>| riff(&[chunk(b"fmt ", &fmt), data.clone()]);
    let encodings = [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64), (6, 8), (7, 8)];
    let mut all: Vec<Vec<u8>> = encodings.iter().map(|&(tag, bits)| of(fmt(tag, 2, 8000, bits))).collect();
    let guid = b"\x16\0\x10\0\x03\0\0\0\x01\0\0\0\0\0\x10\0\x80\0\0\xAA\0\x38\x9B\x71";
    all.push(of([fmt(0xFFFE, 1, 8000, 16).as_slice(), guid].concat()));
    let tags = [chunk(b"guan", GUANO), chunk(b"LIST", &info(b"ICMT", AUDIOMOTH))].concat();
    all.push(riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 16)), tags.clone(), data.clone()]));
    let mut unfinished = riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 16)), data.clone(), tags]);
    unfinished[40..44].fill(0);
    all.push(unfinished);
    let mut long = riff(&[chunk(b"ds64", &[0; 28]), chunk(b"fmt ", &fmt(1, 1, 8000, 16)), data]);
    for name in [b"RF64", b"BW64"] {
        long[..4].copy_from_slice(name);
        all.push(long.clone());
    }
    all.push(big_endian());
    all.push(wave64());
    all
}

/// The entry of an INFO list.
fn info(id: &[u8; 4], text: &[u8]) -> Vec<u8> {
    [b"INFO".to_vec(), chunk(id, text)].concat()
}

fn big_endian() -> Vec<u8> {
    let chunk = |id: &[u8], payload: &[u8]| [id, &(payload.len() as u32).to_be_bytes(), payload].concat();
    let fmt = b"\0\x01\0\x01\0\0\x1F\x40\0\0\x3E\x80\0\x02\0\x10";
    chunk(b"RIFX", &[b"WAVE".to_vec(), chunk(b"fmt ", fmt), chunk(b"data", &pcm16(&ramp(24)))].concat())
}

fn wave64() -> Vec<u8> {
    const TAIL: &[u8] = &[0xF3, 0xAC, 0xD3, 0x11, 0x8C, 0xD1, 0, 0xC0, 0x4F, 0x8E, 0xDB, 0x8A];
    let chunk = |id: &[u8], payload: &[u8]| [id, TAIL, &(payload.len() as u64 + 24).to_le_bytes(), payload].concat();
    let head = b"riff\x2E\x91\xCF\x11\xA5\xD6\x28\xDB\x04\xC1\0\0";
    [head.as_slice(), &[0; 24], &chunk(b"fmt ", &fmt(1, 1, 8000, 16)), &chunk(b"data", &pcm16(&ramp(24)))].concat()
}

/// FLAC with and without a total, with a hole, and with tags; and the first bytes of what is refused by name.
fn compressed() -> Vec<Vec<u8>> {
    let flac = |total| Flac::new(&ramp(200), 1, 50, total);
    let mut holed = flac(200);
    holed.frames.remove(1);
    let mut tagged = flac(200).bytes();
    tagged[4] &= 0x7F;
    let comment = b"\x01\0\0\0v\x01\0\0\0\x0B\0\0\0COMMENT=abc";
    let block = [&(0x8400_0000 | comment.len() as u32).to_be_bytes()[..], comment].concat();
    tagged.splice(42..42, block);
    let mut all =
        vec![flac(200).bytes(), flac(0).bytes(), Flac::new(&ramp(200), 2, 50, 100).bytes(), holed.bytes(), tagged.clone()];
    all.push([b"ID3\x04\0\0\0\0\0\x02..".as_slice(), &tagged].concat());
    for mark in [
        "OggS\0\x02\0\0\0\0\0\0\x01vorbis",
        "\0\0\0\x20ftypM4A ",
        "FORM\0\0\0\x2EAIFFCOMM",
        "caff\0\x01\0\0",
        "ID3\x03\0\0\0\0\0\x02..",
    ] {
        all.push(mark.as_bytes().to_vec());
    }
    all
}

/// The payload of each chunk behind the byte that chooses it.
fn headers() -> Vec<Vec<u8>> {
    let entry = |name: u8, value: &[u8]| [&[name, 0], &(value.len() as u32).to_le_bytes()[..], value].concat();
    let wamd = [
        entry(0, &[1, 0]),
        entry(1, b"SM4"),
        entry(2, b"S4A02641"),
        entry(5, b"2025-02-20 17:00:00-06:00"),
        entry(6, b"WGS84, 46.83631, N, 92.01620, W, 200"),
        entry(0x0F, &[10, 0]),
        entry(0x15, b"-2.50C"),
    ]
    .concat();
    let mut bext = vec![0; 338];
    bext[..AUDIOMOTH.len()].copy_from_slice(AUDIOMOTH);
    bext[256..263].copy_from_slice(b"ZOOM F3");
    bext[320..338].copy_from_slice(b"2021-05-0904:30:00");
    let clip =
        b"opso_metadata{\"artist\": \"AudioMoth 243B1F026488F56E\", \"comment\": \"Recorded at 10:00:00 28/05/2024 (UTC) by\", \
        \"recording_start_time\": \"2024-05-28T10:00:30+00:00\"}";
    let payloads = [
        (0, GUANO.to_vec()),
        (1, wamd.clone()),
        (2, bext),
        (3, info(b"ICMT", AUDIOMOTH)),
        (3, info(b"IART", b"AudioMoth 243B1F026488F56E")),
        (3, info(b"ICMT", clip)),
        (4, wamd),
        (0, b"2020-03-01T19:00:00.125+05:45".to_vec()),
        (0, AUDIOMOTH.to_vec()),
        (0, clip.to_vec()),
    ];
    payloads.iter().map(|(choice, payload)| [&[*choice], payload.as_slice()].concat()).collect()
}

/// An annotation file for each layout behind the bytes that choose layout and options.
fn labels() -> Vec<Vec<u8>> {
    const RAVEN: &str = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tBegin Path\tFile Offset (s)\tSpecies\n\
        1\tWaveform 1\t1\t1,5\t2.25\t800\t2000\tD:\\a.wav\t0.5\tWOTH\n1\tSpectrogram 1\t1\t1,5\t2.25\t800\t2000\tD:\\a.wav\t0.5\tWOTH\n";
    let files: [(u8, u8, &str); 7] = [
        (0, 0, "0.5\t1.25\tBOAFAB_M\n\\\t800.5\t2195.4\r\n2\t3\tDENMIN_FALSE\n\n\\\t-1\t9\n"),
        (1, 0, RAVEN),
        (2, 0, "file,start_s,end_s,label,low_hz,high_hz,quality\na.wav,1,2,A;B,500,,H\n\"b,\n.wav\",,,\n"),
        (2, 2, "start;end;low;high;label\n1,5;2,5;1e3;2;A\n"),
        (2, 14, "file,start,end,x,q\na,1,2,A;B,H\n"),
        (3, 0, "filename,fold,category,A,B\n1.wav,1,dog,0,1\n2.wav,2,,1,0\n"),
        (4, 0, "sample_name,fname,min_t,max_t,site,date,species_number,subset,SPHSUR,BOABIS\nA_0_3,A,0,3,S,x,1,train,0,1\n"),
    ];
    files.iter().map(|(format, options, text)| [&[*format, *options], text.as_bytes()].concat()).collect()
}

const LISTS: &[&str] = &[
    "recording;site;subset;fold\nA_1;S;test;1\nA_2;;Train;2\n",
    "sample_name,fname,min_t,site,subset\nA_0_3,A,0,X,val\n\"A\n1\",A,1,X,validation\n",
    "code,class,scientific_name,english\nBOFAB,BOAFAB,Boana x,\nBOAFAB,BOAFAB,Boana faber,Smith frog\nUND,,,\n",
    "raw/INCT4/INCT4_20191005_173000.wav\nraw/S/S_X_20191118_180000.wav\nstrong_labels/INCT04/INCT04_20191005_173000.txt\nstrong_labels/S/S_20191118_180000.txt\n",
];

const NAMES: &[&str] = &[
    "{site}-%d-%m-%Y-%Hh%M*\nPond 7-01-03-2020-19h30-left",
    "%d%b%Y_%I%p_{serial}\n01MAR2020_7pm_A7",
    "%Y-%m-%dT%H%M%S.%f%z\n2020-03-01T190005.25-03:30",
    "%y%m%d %H.%M.%S %%*\n200301 19.30.00 %left",
    "POND01_0+1_20200301$190000_250",
    "24F3190361CBE3FA_20200301_190000",
    "5E5C0530",
    "20200301T190000+1000_REC",
];

const SHEETS: &[&str] = &[
    "site,serial,from,to,latitude,longitude\nPOND,24F3190361CBE3FA,2020-03-01,2020-03-14,-10,-50\nMARSH,24f3190361cbe3fa,2020-03-15 12:00,,-11,-51\n",
    "\u{feff}Site;Lat;Lon;Time_Zone;Habitat\r\nRivière;47,5;8,25;Europe/Zurich;wet\r\n;;;;\r\n",
    "site,folder,name,start,tz\nA,x/y,A*_1,2020-03-01 19:00:00,UTC\nB,,\"b\n*\",2020-03-01T19:00,America/Sao_Paulo\n",
];

const CONFIGS: &[&str] = &[
    "segment: {window_s: 5}\narchive: {path: a}\nmodel: {path: m}\n",
    "annotate:\n  format: raven\n  label_column: Species\nsegment:\n  hop_s: 1.5 # s\ntrain:\n  mix2_probabilities: [0.5, 0.25, 0.25]\n---set\ndevice=cpu\nsegment.tail=pad",
    "a: &a [1, 2]\nb: {c: *a, <<: {d: !x \"y\"}}\n",
    "featurize:\n  f_max_hz: .inf\n  n_fft: 0x200\n  norm: ~\n? [k]\n: |\n  text\n",
];
