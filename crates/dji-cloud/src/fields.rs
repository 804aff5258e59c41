//! Objects and arrays in the way that wire types read them.
//!
//! Both are serde's access traits with one more step each, which the crate's own reader does
//! quicker than any visitor could: it looks a key up where it stands in the text, and puts a value
//! straight into its slot. Any reader of serde's does it by visitors ([`OfSerde`]). It decides
//! nothing about what a value means: that is [`crate::lenient`]'s.

use serde::de::{DeserializeSeed, MapAccess, SeqAccess};

use crate::keys::{KeySeed, KeyTable};
use crate::lenient::{Seen, Slot, WireValue};
use crate::text::Text;

/// The entries of an object.
pub trait Fields<'de>: MapAccess<'de> {
    /// The number of the next key in a table; a key that is not in it has the number
    /// [`crate::keys::UNKNOWN`] and is put into `unknown`, cut. `None` at the end.
    ///
    /// # Errors
    /// Broken JSON.
    fn next_number(
        &mut self,
        table: &'static KeyTable,
        unknown: &mut Text,
    ) -> Result<Option<u8>, Self::Error> {
        self.next_key_seed(KeySeed { table, unknown })
    }

    /// Reads the value of the key just read into a slot.
    ///
    /// # Errors
    /// Broken JSON.
    fn value_into<T: WireValue>(&mut self, slot: &mut Option<T>) -> Result<Seen, Self::Error> {
        self.next_value_seed(Slot(slot))
    }
}

/// The elements of an array.
pub trait Elements<'de>: SeqAccess<'de> {
    /// Reads the next element into a slot; `None` at the end.
    ///
    /// # Errors
    /// Broken JSON.
    fn element_into<T: WireValue>(
        &mut self,
        slot: &mut Option<T>,
    ) -> Result<Option<Seen>, Self::Error> {
        self.next_element_seed(Slot(slot))
    }
}

/// Access to an object or array that any reader of serde's gives.
pub(crate) struct OfSerde<A>(pub(crate) A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OfSerde<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}

impl<'de, A: MapAccess<'de>> Fields<'de> for OfSerde<A> {}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for OfSerde<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(seed)
    }
}

impl<'de, A: SeqAccess<'de>> Elements<'de> for OfSerde<A> {}
