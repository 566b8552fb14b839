//! The encodings and line ends in which devices of this world hand their texts over.

/// How the characters of a text file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Encoding {
    /// UTF-8 without a mark.
    #[default]
    Utf8,
    /// UTF-8 with a byte order mark, as the servicing stack writes its logs.
    Utf8Bom,
    /// UTF-16, little endian, with a byte order mark, as PowerShell's `>` writes.
    Utf16Le,
    /// UTF-16 without a mark, as an editor or a copy in parts leaves it.
    Utf16LeUnmarked,
    /// GBK, the console of a Chinese Windows.
    Gbk,
    /// Big5, the console of a traditional Chinese Windows.
    Big5,
    /// Shift_JIS, the console of a Japanese Windows.
    ShiftJis,
    /// Code page 866, the console of a Russian Windows.
    Cp866,
    /// Windows-1251, Russian texts saved by a desktop program.
    Windows1251,
    /// Windows-1252, western European texts saved by a desktop program.
    Windows1252,
}

impl Encoding {
    /// The name in the truth.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf8Bom => "utf-8-bom",
            Self::Utf16Le => "utf-16le",
            Self::Utf16LeUnmarked => "utf-16le-unmarked",
            Self::Gbk => "gbk",
            Self::Big5 => "big5",
            Self::ShiftJis => "shift_jis",
            Self::Cp866 => "ibm866",
            Self::Windows1251 => "windows-1251",
            Self::Windows1252 => "windows-1252",
        }
    }

    /// The bytes of a text. A character that the code page lacks becomes `?`, as on Windows.
    pub(crate) fn encode(self, text: &str) -> Vec<u8> {
        let page = match self {
            Self::Utf8 => return text.as_bytes().to_vec(),
            Self::Utf8Bom => return [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            Self::Utf16Le => {
                let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
                return units.flat_map(u16::to_le_bytes).collect();
            }
            Self::Utf16LeUnmarked => {
                return text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            }
            Self::Gbk => encoding_rs::GBK,
            Self::Big5 => encoding_rs::BIG5,
            Self::ShiftJis => encoding_rs::SHIFT_JIS,
            Self::Cp866 => encoding_rs::IBM866,
            Self::Windows1251 => encoding_rs::WINDOWS_1251,
            Self::Windows1252 => encoding_rs::WINDOWS_1252,
        };
        let (whole, _, lacking) = page.encode(text);
        if !lacking {
            return whole.into_owned();
        }
        let mut bytes = Vec::with_capacity(text.len());
        for character in text.chars() {
            let mut buffer = [0; 4];
            let (one, _, lacking) = page.encode(character.encode_utf8(&mut buffer));
            if lacking {
                bytes.push(b'?');
            } else {
                bytes.extend_from_slice(&one);
            }
        }
        bytes
    }
}

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LineEnd {
    /// As Windows writes.
    #[default]
    CrLf,
    /// As a copy that went through a Unix machine has it.
    Lf,
}

impl LineEnd {
    /// The text, written with `\n`, with this line end.
    pub(crate) fn apply(self, text: &str) -> std::borrow::Cow<'_, str> {
        match self {
            Self::CrLf => text.replace('\n', "\r\n").into(),
            Self::Lf => text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_writes_its_own_bytes() {
        assert_eq!(
            Encoding::Gbk.encode("主机名:"),
            b"\xD6\xF7\xBB\xFA\xC3\xFB:"
        );
        assert_eq!(Encoding::Utf16Le.encode("A"), b"\xFF\xFEA\0");
        assert_eq!(Encoding::Utf16LeUnmarked.encode("A"), b"A\0");
        assert_eq!(Encoding::Big5.encode("主機"), b"\xA5\x44\xBE\xF7");
        assert_eq!(Encoding::Cp866.encode("Имя"), b"\x88\xAC\xEF");
        assert_eq!(Encoding::Windows1252.encode("é中x"), b"\xE9?x");
        assert_eq!(Encoding::Utf8Bom.encode("x"), b"\xEF\xBB\xBFx");
        assert_eq!(LineEnd::CrLf.apply("a\nb\n"), "a\r\nb\r\n");
    }
}
