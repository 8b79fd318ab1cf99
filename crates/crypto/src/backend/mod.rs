//! The curve arithmetic, behind one private interface: [`Point`], [`XPoint`], [`Secret`].
//!
//! The types here know bytes and curve operations; which encodings and which S are acceptable is decided above. One
//! back end is compiled in, chosen by the feature `libsecp256k1`; both pass the same tests.

#[cfg(not(feature = "libsecp256k1"))]
mod k256;
#[cfg(feature = "libsecp256k1")]
mod libsecp256k1;

#[cfg(not(feature = "libsecp256k1"))]
pub(crate) use self::k256::{Point, Secret, XPoint};
#[cfg(feature = "libsecp256k1")]
pub(crate) use self::libsecp256k1::{Point, Secret, XPoint};
