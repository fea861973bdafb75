//! One JSON object, key by key, without building it: fast, and nothing is copied but text with escapes.
//!
//! It takes what RFC 8259 allows and nothing else, to the depth that serde_json allows.

use crate::find;
use crate::value::Value;

/// What was read, or what is wrong; then [`Scan::at`] is where.
pub type Scanned<T> = Result<T, &'static str>;

/// The value of a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token<'t> {
    /// Text, without its escapes.
    Text(&'t str),
    /// A whole number, and how it was written.
    Int(i64, &'t str),
    /// A number with a fraction, or beyond 64 bits.
    Double(f64),
    /// True or false.
    Bool(bool),
    /// Nothing.
    Null,
    /// An object or an array, as it was written.
    Json(&'t str),
}

/// One object, and how far it has been read.
pub struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    first: bool,
}

/// What is open around a nested value: a bit each, 1 for an object.
struct Open {
    objects: u128,
    depth: u32,
}

/// So many objects and arrays may be open inside of the object; with it they are those that serde_json allows.
const DEPTH_MAX: u32 = 126;

/// A byte that no JSON has outside of strings stands for the end.
const END: u8 = 0;

const UNEXPECTED: &str = "unexpected character";

// === impl Scan ===

impl<'a> Scan<'a> {
    /// A text that should hold one object.
    #[inline]
    pub fn new(text: &'a str) -> Self {
        Scan {
            text,
            bytes: text.as_bytes(),
            at: 0,
            first: true,
        }
    }

    /// How many bytes have been read.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The beginning of the object.
    ///
    /// # Errors
    /// Something else.
    #[inline]
    pub fn open(&mut self) -> Scanned<()> {
        self.blanks();
        self.eat(b'{')
    }

    /// Behind the object there must be nothing.
    ///
    /// # Errors
    /// Something is there.
    #[inline]
    pub fn close(&mut self) -> Scanned<()> {
        self.blanks();
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err("text after the object")
        }
    }

    /// The next key and its colon; none at the end of the object. `said` is where a key with escapes is written.
    ///
    /// # Errors
    /// No key, or no colon behind it.
    #[inline(always)]
    pub fn key<'t>(&mut self, said: &'t mut String) -> Scanned<Option<&'t str>>
    where
        'a: 't,
    {
        self.blanks();
        match self.peek() {
            b'}' => {
                self.at += 1;
                return Ok(None);
            }
            b',' if !self.first => {
                self.at += 1;
                self.blanks();
            }
            _ if self.first => {}
            _ => return Err(UNEXPECTED),
        }
        self.first = false;
        let key = self.string(said)?;
        self.colon()?;
        Ok(Some(key))
    }

    /// The value behind a key. `said` is where a text with escapes is written.
    ///
    /// # Errors
    /// No valid value.
    #[inline(always)]
    pub fn value<'t>(&mut self, said: &'t mut String) -> Scanned<Token<'t>>
    where
        'a: 't,
    {
        match self.peek() {
            b'"' => Ok(Token::Text(self.string(said)?)),
            b'-' | b'0'..=b'9' => self.number(),
            b'{' | b'[' => Ok(Token::Json(self.nested()?)),
            _ => self.word(),
        }
    }

    #[inline(always)]
    fn peek(&self) -> u8 {
        if self.at < self.bytes.len() {
            self.bytes[self.at]
        } else {
            END
        }
    }

    #[inline(always)]
    fn blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    #[inline(always)]
    fn eat(&mut self, wanted: u8) -> Scanned<()> {
        if self.peek() != wanted {
            return Err(UNEXPECTED);
        }
        self.at += 1;
        Ok(())
    }

    #[inline(always)]
    fn colon(&mut self) -> Scanned<()> {
        self.blanks();
        self.eat(b':')?;
        self.blanks();
        Ok(())
    }

    #[inline(always)]
    fn string<'t>(&mut self, said: &'t mut String) -> Scanned<&'t str>
    where
        'a: 't,
    {
        self.eat(b'"')?;
        let from = self.at;
        self.at = find::quote(self.bytes, from);
        if self.peek() == b'"' {
            self.at += 1;
            return Ok(&self.text[from..self.at - 1]);
        }
        self.escaped(from, said)
    }

    /// A string that is not simply what stands between its quotes.
    #[inline(never)]
    fn escaped<'t>(&mut self, mut from: usize, said: &'t mut String) -> Scanned<&'t str> {
        said.clear();
        loop {
            said.push_str(&self.text[from..self.at]);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(said);
                }
                Some(b'\\') => said.push(self.escape()?),
                Some(_) => return Err("control character in a string"),
                None => return Err("unterminated string"),
            }
            from = self.at;
            self.at = find::quote(self.bytes, from);
        }
    }

    /// A backslash and what it stands for.
    fn escape(&mut self) -> Scanned<char> {
        let escape = self.bytes.get(self.at + 1).copied().unwrap_or(END);
        let plain = match escape {
            b'"' | b'\\' | b'/' => escape.into(),
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => return self.unicode(),
            _ => return Err("unknown escape"),
        };
        self.at += 2;
        Ok(plain)
    }

    /// `\u` and four digits, or twice that for what UTF-16 writes as a pair.
    fn unicode(&mut self) -> Scanned<char> {
        let high = self.four_digits()?;
        let code = match high {
            0xD800..0xDC00 => match self.four_digits() {
                Ok(low @ 0xDC00..0xE000) => 0x1_0000 + ((high - 0xD800) << 10 | (low - 0xDC00)),
                _ => return Err("half of a surrogate pair"),
            },
            _ => high,
        };
        char::from_u32(code).ok_or("half of a surrogate pair")
    }

    fn four_digits(&mut self) -> Scanned<u32> {
        let Some([b'\\', b'u', digits @ ..]) = self.bytes.get(self.at..self.at + 6) else {
            return Err("unknown escape");
        };
        let digit = |digit: &u8| char::from(*digit).to_digit(16).ok_or("unknown escape");
        let code = digits
            .iter()
            .try_fold(0, |code, next| Ok::<_, &str>(code << 4 | digit(next)?))?;
        self.at += 6;
        Ok(code)
    }

    fn word(&mut self) -> Scanned<Token<'static>> {
        let words = [
            ("true", Token::Bool(true)),
            ("false", Token::Bool(false)),
            ("null", Token::Null),
        ];
        for (word, token) in words {
            if self.bytes[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(token);
            }
        }
        Err(if self.at < self.bytes.len() {
            UNEXPECTED
        } else {
            "unexpected end"
        })
    }

    /// Reads digits onto a number, which wraps where there are too many; and how many there were.
    #[inline(always)]
    fn digits(&mut self, mut number: u64) -> (u64, usize) {
        let from = self.at;
        while let digit @ 0..=9 = self.peek().wrapping_sub(b'0') {
            number = number.wrapping_mul(10).wrapping_add(digit.into());
            self.at += 1;
        }
        (number, self.at - from)
    }

    #[inline]
    fn number(&mut self) -> Scanned<Token<'a>> {
        let from = self.at;
        let negative = self.peek() == b'-';
        self.at += usize::from(negative);
        let zero = self.peek() == b'0';
        let (whole, count) = self.digits(0);
        if count == 0 || zero && count > 1 {
            return Err("a number that is none");
        }
        match self.peek() {
            b'.' | b'e' | b'E' => self.fraction(from, negative, whole, count),
            // Nothing wraps at eighteen digits. Zero with a sign is a float's.
            _ if count > 18 || negative && whole == 0 => self.long_number(from),
            _ => {
                let number = if negative {
                    -(whole as i64)
                } else {
                    whole as i64
                };
                Ok(Token::Int(number, &self.text[from..self.at]))
            }
        }
    }

    fn fraction(
        &mut self,
        from: usize,
        negative: bool,
        whole: u64,
        count: usize,
    ) -> Scanned<Token<'a>> {
        const POWERS: [f64; 15] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
        ];
        let (mut all, mut places) = (whole, 0);
        if self.peek() == b'.' {
            self.at += 1;
            (all, places) = self.digits(whole);
            if places == 0 {
                return Err("a number that is none");
            }
        }
        if !matches!(self.peek(), b'e' | b'E') && count + places <= 15 {
            // Both are exact, so their quotient is the nearest there is.
            let number = all as f64 / POWERS[places];
            return Ok(Token::Double(if negative { -number } else { number }));
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), b'+' | b'-'));
            if self.digits(0).1 == 0 {
                return Err("a number that is none");
            }
        }
        self.long_number(from)
    }

    #[inline(never)]
    fn long_number(&mut self, from: usize) -> Scanned<Token<'a>> {
        let written = &self.text[from..self.at];
        match (written.parse(), written.parse::<f64>()) {
            (Ok(number), _) if written != "-0" => Ok(Token::Int(number, written)),
            (_, Ok(number)) if number.is_finite() => Ok(Token::Double(number)),
            _ => Err("a number out of range"),
        }
    }

    /// An object or an array. What is inside is looked at and left as it is.
    #[inline(never)]
    fn nested(&mut self) -> Scanned<&'a str> {
        let from = self.at;
        let mut open = Open {
            objects: 0,
            depth: 0,
        };
        loop {
            self.begin(&mut open)?;
            while !self.next_value(&mut open)? {
                if open.depth == 0 {
                    return Ok(&self.text[from..self.at]);
                }
            }
        }
    }

    /// A value, or the opening of one.
    fn begin(&mut self, open: &mut Open) -> Scanned<()> {
        match self.peek() {
            b'"' => self.pass_string(),
            b'-' | b'0'..=b'9' => self.number().map(|_| ()),
            bracket @ (b'{' | b'[') => {
                open.push(bracket == b'{')?;
                self.at += 1;
                Ok(())
            }
            _ => self.word().map(|_| ()),
        }
    }

    /// Goes on to the next value inside of what is open (true), or closes that (false).
    fn next_value(&mut self, open: &mut Open) -> Scanned<bool> {
        // Behind an opening bracket there is no comma.
        let fresh = matches!(self.bytes[self.at - 1], b'{' | b'[');
        self.blanks();
        match (self.peek(), open.is_object()) {
            (b'}', true) | (b']', false) => {
                self.at += 1;
                open.pop();
                return Ok(false);
            }
            (b',', _) if !fresh => {
                self.at += 1;
                self.blanks();
            }
            _ if fresh => {}
            (END, _) if self.at == self.bytes.len() => return Err("unexpected end"),
            _ => return Err(UNEXPECTED),
        }
        if open.is_object() {
            self.pass_string()?;
            self.colon()?;
        }
        Ok(true)
    }

    fn pass_string(&mut self) -> Scanned<()> {
        self.eat(b'"')?;
        loop {
            self.at = find::quote(self.bytes, self.at);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape().map(|_| ())?,
                Some(_) => return Err("control character in a string"),
                None => return Err("unterminated string"),
            }
        }
    }
}

// === impl Open ===

impl Open {
    fn push(&mut self, object: bool) -> Scanned<()> {
        if self.depth == DEPTH_MAX {
            return Err("nested too deep");
        }
        self.objects = self.objects << 1 | u128::from(object);
        self.depth += 1;
        Ok(())
    }

    fn pop(&mut self) {
        self.objects >>= 1;
        self.depth -= 1;
    }

    fn is_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

// === impl Token ===

impl<'t> Token<'t> {
    /// The same as a value to set.
    #[inline(always)]
    pub fn value(&self) -> Value<'t> {
        match self {
            Token::Text(text) => Value::Text(text),
            Token::Int(number, _) => Value::Int(*number),
            Token::Double(number) => Value::Double(*number),
            Token::Bool(flag) => Value::Bool(*flag),
            Token::Null => Value::Null,
            Token::Json(json) => Value::Json(json),
        }
    }
}
