//! The curve arithmetic, behind one private interface: [`Point`], [`XPoint`], [`Secret`].
//!
//! The types here know bytes and curve operations; which encodings and which S are acceptable is decided above.

mod k256;

pub(crate) use self::k256::{Point, Secret, XPoint};
