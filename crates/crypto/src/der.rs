//! The two readers of DER signatures that consensus has known, and the writer.

/// Two 32-byte big-endian integers, R then S.
pub(crate) type Compact = [u8; 64];

/// Reads a signature the way every node must: like OpenSSL did before BIP66.
///
/// Takes any length encoding (also of the outer sequence, whose length is ignored), negative numbers (read as
/// if they were not), padding, and bytes after the end. Returns `None` where no two integers are found.
/// An integer over 32 bytes, after leading zeros, makes both integers zero: such a signature is read but
/// never verifies. The comparison with the group order is the caller's.
///
/// Source: Bitcoin Core, `ecdsa_signature_parse_der_lax`.
pub(crate) fn parse_lax(bytes: &[u8]) -> Option<Compact> {
    let mut rest = Cursor { bytes };
    rest.expect(0x30)?;
    let first = rest.byte()?;
    if first & 0x80 != 0 {
        rest.take(usize::from(first & 0x7f))?;
    }
    let r = rest.integer()?;
    let s = rest.integer()?;
    let mut out = [0; 64];
    match (r.len() <= 32, s.len() <= 32) {
        (true, true) => {
            out[32 - r.len()..32].copy_from_slice(r);
            out[64 - s.len()..].copy_from_slice(s);
            Some(out)
        }
        _ => Some(out),
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.bytes.split_at_checked(n)?;
        self.bytes = tail;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    fn expect(&mut self, tag: u8) -> Option<()> {
        (self.byte()? == tag).then_some(())
    }

    /// An INTEGER's contents without leading zeros.
    fn integer(&mut self) -> Option<&'a [u8]> {
        self.expect(0x02)?;
        let len = self.length()?;
        Some(trim_zeros(self.take(len)?))
    }

    /// Short or long form; a long form of more than three significant bytes is refused, as in Core.
    fn length(&mut self) -> Option<usize> {
        let first = self.byte()?;
        if first & 0x80 == 0 {
            return Some(usize::from(first));
        }
        let digits = trim_zeros(self.take(usize::from(first & 0x7f))?);
        (digits.len() < 4).then(|| digits.iter().fold(0, |len, b| len << 8 | usize::from(*b)))
    }
}

fn trim_zeros(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
    &bytes[start..]
}

/// Whether `bytes` is a signature in the one form BIP66 allows: `30 len 02 len R 02 len S`, each length a
/// single byte and exact, both integers positive and without needless padding.
///
/// `bytes` carries no signature hash type: 8 to 72 bytes. The size of an integer is not limited beyond that.
///
/// Source: BIP66, Bitcoin Core's `IsValidSignatureEncoding`.
pub(crate) fn is_strict(bytes: &[u8]) -> bool {
    let body = match bytes {
        [0x30, len, body @ ..] if (8..=72).contains(&bytes.len()) && usize::from(*len) == body.len() => body,
        _ => return false,
    };
    let Some((r, rest)) = strict_integer(body) else { return false };
    let Some((s, rest)) = strict_integer(rest) else { return false };
    rest.is_empty() && is_minimal_positive(r) && is_minimal_positive(s)
}

fn strict_integer(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match bytes {
        [0x02, len, rest @ ..] => rest.split_at_checked(usize::from(*len)),
        _ => None,
    }
}

fn is_minimal_positive(integer: &[u8]) -> bool {
    match integer {
        [] => false,
        [0, next, ..] => next & 0x80 != 0,
        [first, ..] => first & 0x80 == 0,
    }
}

/// The strict encoding of R and S: at most 72 bytes.
pub(crate) fn write(compact: &Compact) -> Vec<u8> {
    let (r, s) = compact.split_at(32);
    let mut out = vec![0x30, 0];
    for integer in [trim_zeros(r), trim_zeros(s)] {
        let pad = integer.first().is_none_or(|b| b & 0x80 != 0);
        let len = integer.len() + usize::from(pad);
        out.extend([0x02, u8::try_from(len).expect("an integer of at most 33 bytes")]);
        if pad {
            out.push(0);
        }
        out.extend(integer);
    }
    out[1] = u8::try_from(out.len() - 2).expect("two integers of at most 35 bytes each");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sig(r: &[u8], s: &[u8]) -> Vec<u8> {
        let mut out = vec![0x30, (4 + r.len() + s.len()) as u8, 2, r.len() as u8];
        out.extend(r);
        out.extend([2, s.len() as u8]);
        out.extend(s);
        out
    }

    fn compact(r: u8, s: u8) -> Option<Compact> {
        let mut out = [0; 64];
        out[31] = r;
        out[63] = s;
        Some(out)
    }

    #[test]
    fn lax_takes_what_strict_takes() {
        assert_eq!(parse_lax(&sig(&[5], &[6])), compact(5, 6));
        assert!(is_strict(&sig(&[5], &[6])));
    }

    #[test]
    fn lax_takes_each_historical_deviation_and_strict_does_not() {
        let cases: [&[u8]; 10] = [
            &[0x30, 0x00, 2, 1, 5, 2, 1, 6],                 // outer length too small
            &[0x30, 0x7f, 2, 1, 5, 2, 1, 6],                 // outer length too large
            &[0x30, 0x81, 0x06, 2, 1, 5, 2, 1, 6],           // outer length in long form
            &[0x30, 0x82, 0xff, 0xff, 2, 1, 5, 2, 1, 6],     // long form, nonsense value
            &[0x30, 7, 2, 0x81, 1, 5, 2, 1, 6],              // integer length in long form
            &[0x30, 9, 2, 0x83, 0, 0, 1, 5, 2, 1, 6],        // long form with leading zeros
            &[0x30, 11, 2, 0x85, 0, 0, 0, 0, 1, 5, 2, 1, 6], // more than four digits, all but one zero
            &[0x30, 7, 2, 2, 0, 5, 2, 1, 6],                 // padded R
            &[0x30, 7, 2, 1, 5, 2, 2, 0, 6],                 // padded S
            &[0x30, 6, 2, 1, 5, 2, 1, 6, 0xaa],              // bytes after the end
        ];
        for case in cases {
            assert_eq!(parse_lax(case), compact(5, 6), "{case:02x?}");
            assert!(!is_strict(case), "{case:02x?}");
        }
        assert_eq!(parse_lax(&sig(&[0x85], &[6])), compact(0x85, 6), "a negative R is read as positive");
        assert!(!is_strict(&sig(&[0x85], &[6])));
        assert!(!is_strict(&sig(&[6], &[0x85])));
        assert_eq!(parse_lax(&sig(&[], &[6])), compact(0, 6), "an empty integer is zero");
        assert!(!is_strict(&sig(&[], &[6])) && !is_strict(&sig(&[6], &[])));
    }

    #[test]
    fn lax_refuses_what_holds_no_two_integers() {
        let cases: [&[u8]; 14] = [
            &[],
            &[0x30],
            &[0x31, 6, 2, 1, 5, 2, 1, 6],
            &[0x30, 0x83, 0, 0],
            &[0x30, 6],
            &[0x30, 6, 3, 1, 5, 2, 1, 6],
            &[0x30, 6, 2],
            &[0x30, 6, 2, 9, 5, 2, 1, 6],
            &[0x30, 6, 2, 1, 5],
            &[0x30, 6, 2, 1, 5, 3, 1, 6],
            &[0x30, 6, 2, 1, 5, 2],
            &[0x30, 6, 2, 1, 5, 2, 2, 6],
            &[0x30, 9, 2, 0x84, 1, 0, 0, 1, 5, 2, 1, 6],
            &[0x30, 9, 2, 0x90, 1],
        ];
        for case in cases {
            assert_eq!(parse_lax(case), None, "{case:02x?}");
        }
    }

    #[test]
    fn an_integer_over_32_bytes_zeroes_both() {
        assert_eq!(parse_lax(&sig(&[1; 33], &[6])), Some([0; 64]));
        assert_eq!(parse_lax(&sig(&[6], &[1; 33])), Some([0; 64]));
        let mut at_limit = vec![0];
        at_limit.extend([0x81; 32]);
        assert_ne!(parse_lax(&sig(&at_limit, &[6])), Some([0; 64]));
    }

    #[test]
    fn strict_limits() {
        assert!(!is_strict(&[0x30, 5, 2, 0, 2, 1, 6]), "seven bytes");
        assert!(is_strict(&sig(&[1; 33], &[1; 33])), "72 bytes");
        assert!(!is_strict(&sig(&[1; 34], &[1; 33])), "73 bytes");
        assert!(is_strict(&sig(&[1; 60], &[1; 6])), "BIP66 does not limit one integer");
        assert!(is_strict(&sig(&[0, 0x80], &[0, 0xff])), "needed padding");
        assert!(!is_strict(&[0x30, 6, 2, 1, 5, 2, 2, 6]), "S runs over the end");
        assert!(!is_strict(&[0x30, 7, 2, 1, 5, 2, 1, 6, 0]), "bytes after S");
        assert!(!is_strict(&[0x30, 6, 2, 3, 5, 2, 1, 6]), "R swallows S");
    }

    #[test]
    fn written_signatures_are_strict() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            for compact in [[byte; 64], compact(byte, 0x80).unwrap()] {
                let der = write(&compact);
                assert!(is_strict(&der), "{der:02x?}");
                assert_eq!(parse_lax(&der), Some(compact));
            }
        }
        assert_eq!(write(&[0xff; 64]).len(), 72);
    }
}
