//! Compression on the wire: HTTP content encodings, and ClickHouse's own blocks.

use std::io::{self, Read, Write};

use axum::body::Bytes;
use flate2::Compression;

use crate::embedded::blocks;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Not at all.
    Identity,
    /// `Content-Encoding: gzip`.
    Gzip,
    /// `Content-Encoding: deflate` (zlib).
    Deflate,
    /// `Content-Encoding: zstd`.
    Zstd,
    /// `Content-Encoding: lz4` (frames).
    Lz4,
    /// ClickHouse's checksummed blocks: `decompress=1` on the way in, `compress=1` on the way out.
    Blocks,
}

impl Encoding {
    /// Reads a `Content-Encoding` header.
    pub(crate) fn from_header(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "zstd" => Some(Self::Zstd),
            "lz4" => Some(Self::Lz4),
            _ => None,
        }
    }

    /// Picks the best of an `Accept-Encoding` header; unknown ones are passed over.
    pub(crate) fn negotiate(accepted: &str) -> Self {
        let wanted: Vec<&str> = accepted
            .split(',')
            .filter(|item| {
                !item
                    .split(';')
                    .skip(1)
                    .any(|parameter| matches!(parameter.trim(), "q=0" | "q=0.0"))
            })
            .map(|item| item.split(';').next().unwrap_or_default().trim())
            .collect();
        [Self::Lz4, Self::Zstd, Self::Gzip, Self::Deflate]
            .into_iter()
            .find(|encoding| {
                encoding
                    .header()
                    .is_some_and(|name| wanted.iter().any(|w| w.eq_ignore_ascii_case(name)))
            })
            .unwrap_or(Self::Identity)
    }

    /// The value for `Content-Encoding`, when there is one.
    pub(crate) fn header(self) -> Option<&'static str> {
        match self {
            Self::Identity | Self::Blocks => None,
            Self::Gzip => Some("gzip"),
            Self::Deflate => Some("deflate"),
            Self::Zstd => Some("zstd"),
            Self::Lz4 => Some("lz4"),
        }
    }

    /// Wraps a reader of compressed bytes into one of plain bytes.
    pub(crate) fn decoder<'a>(self, source: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Identity => Box::new(source),
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(source)),
            Self::Deflate => Box::new(flate2::read::ZlibDecoder::new(source)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::new(source)?),
            Self::Lz4 => Box::new(Lz4Frames(lz4_flex::frame::FrameDecoder::new(source))),
            Self::Blocks => Box::new(blocks::BlockReader::new(source)),
        })
    }

    /// Starts compressing a response.
    pub(crate) fn encoder(self) -> io::Result<Encoder> {
        Ok(match self {
            Self::Identity => Encoder::Identity(Vec::new()),
            Self::Gzip => Encoder::Gzip(flate2::write::GzEncoder::new(
                Vec::new(),
                Compression::fast(),
            )),
            Self::Deflate => Encoder::Deflate(flate2::write::ZlibEncoder::new(
                Vec::new(),
                Compression::fast(),
            )),
            Self::Zstd => Encoder::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 1)?),
            Self::Lz4 => Encoder::Lz4(Box::new(lz4_flex::frame::FrameEncoder::new(Vec::new()))),
            Self::Blocks => Encoder::Blocks(Vec::new()),
        })
    }
}

/// Several LZ4 frames in a row, as clients that compress block by block send them.
struct Lz4Frames<R: Read>(lz4_flex::frame::FrameDecoder<R>);

impl<R: Read> Read for Lz4Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // 0 means the end of a frame; 0 again, the end of the input.
        match self.0.read(buffer)? {
            0 => self.0.read(buffer),
            length => Ok(length),
        }
    }
}

/// A response being compressed.
pub(crate) enum Encoder {
    Identity(Vec<u8>),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Deflate(flate2::write::ZlibEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Lz4(Box<lz4_flex::frame::FrameEncoder<Vec<u8>>>),
    Blocks(Vec<u8>),
}

impl Encoder {
    /// Takes plain bytes.
    pub(crate) fn push(&mut self, data: &[u8]) -> io::Result<()> {
        match self {
            Self::Identity(buffer) => buffer.write_all(data),
            Self::Gzip(encoder) => encoder.write_all(data),
            Self::Deflate(encoder) => encoder.write_all(data),
            Self::Zstd(encoder) => encoder.write_all(data),
            Self::Lz4(encoder) => encoder.write_all(data),
            Self::Blocks(buffer) => blocks::write_blocks(data, buffer),
        }
    }

    /// Gives what is ready to be sent.
    pub(crate) fn take(&mut self) -> Bytes {
        let buffer = match self {
            Self::Identity(buffer) | Self::Blocks(buffer) => buffer,
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Deflate(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
            Self::Lz4(encoder) => encoder.get_mut(),
        };
        std::mem::take(buffer).into()
    }

    /// Ends the body.
    pub(crate) fn finish(self) -> io::Result<Bytes> {
        Ok(match self {
            Self::Identity(buffer) | Self::Blocks(buffer) => buffer,
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Deflate(encoder) => encoder.finish()?,
            Self::Zstd(encoder) => encoder.finish()?,
            Self::Lz4(encoder) => encoder.finish().map_err(io::Error::other)?,
        }
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Encoding; 6] = [
        Encoding::Identity,
        Encoding::Gzip,
        Encoding::Deflate,
        Encoding::Zstd,
        Encoding::Lz4,
        Encoding::Blocks,
    ];

    fn encode(encoding: Encoding, pieces: &[&[u8]]) -> Vec<u8> {
        let mut encoder = encoding.encoder().unwrap();
        let mut out = Vec::new();
        for piece in pieces {
            encoder.push(piece).unwrap();
            out.extend_from_slice(&encoder.take());
        }
        out.extend_from_slice(&encoder.finish().unwrap());
        out
    }

    proptest::proptest! {
        #[test]
        fn what_was_encoded_is_decoded(a: Vec<u8>, b in proptest::collection::vec(0u8..4, 0..100_000)) {
            for encoding in ALL {
                let mut decoded = Vec::new();
                encoding.decoder(encode(encoding, &[&a, &b]).as_slice()).unwrap().read_to_end(&mut decoded).unwrap();
                proptest::prop_assert_eq!(&decoded, &[a.as_slice(), b.as_slice()].concat());
            }
        }

        #[test]
        fn hostile_bytes_end_in_an_error_or_in_bytes(data: Vec<u8>) {
            for encoding in ALL {
                let mut decoded = Vec::new();
                let _outcome = encoding.decoder(data.as_slice()).and_then(|reader| reader.take(1 << 20).read_to_end(&mut decoded));
            }
        }
    }

    #[test]
    fn frames_in_a_row_are_read_to_the_last() {
        for encoding in [
            Encoding::Gzip,
            Encoding::Zstd,
            Encoding::Lz4,
            Encoding::Blocks,
        ] {
            let mut both = encode(encoding, &[b"one "]);
            both.extend(encode(encoding, &[b"two"]));
            let mut decoded = Vec::new();
            encoding
                .decoder(both.as_slice())
                .unwrap()
                .read_to_end(&mut decoded)
                .unwrap();
            assert_eq!(decoded, b"one two", "{encoding:?}");
        }
    }

    #[test]
    fn the_best_accepted_encoding_is_taken() {
        for (header, expected) in [
            ("", Encoding::Identity),
            ("br", Encoding::Identity),
            ("gzip, deflate, br", Encoding::Gzip),
            ("lz4,zstd,gzip", Encoding::Lz4),
            ("lz4;q=0, zstd;q=0.5", Encoding::Zstd),
        ] {
            assert_eq!(Encoding::negotiate(header), expected, "{header}");
        }
    }
}
