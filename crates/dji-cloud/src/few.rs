//! Short lists without the heap.
//!
//! Two batteries, three kinds of maintenance, two lenses: lists whose usual length is known are
//! kept inside their object, longer ones go to the heap. It derefs to a slice, which is how it is
//! read. Next: [`crate::lenient`].

use core::fmt;
use core::ops::{Deref, DerefMut};

use serde::{Serialize, Serializer};

/// A list of which up to `N` elements need no allocation.
#[derive(Clone)]
pub struct Few<T, const N: usize>(Repr<T, N>);

#[derive(Clone)]
enum Repr<T, const N: usize> {
    /// Elements behind `len` hold nothing of interest.
    Inline {
        len: usize,
        items: [T; N],
    },
    Heap(Vec<T>),
}

impl<T: Default, const N: usize> Few<T, N> {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self(Repr::Inline { len: 0, items: core::array::from_fn(|_| T::default()) })
    }

    /// Appends an element.
    pub fn push(&mut self, item: T) {
        match &mut self.0 {
            Repr::Inline { len, items } => {
                if let Some(slot) = items.get_mut(*len) {
                    *slot = item;
                    *len += 1;
                } else {
                    self.spill(item);
                }
            }
            Repr::Heap(items) => items.push(item),
        }
    }

    #[cold]
    fn spill(&mut self, item: T) {
        let items = core::mem::replace(&mut self.0, Repr::Heap(Vec::with_capacity(2 * N + 2)));
        if let (Repr::Heap(heap), Repr::Inline { items, .. }) = (&mut self.0, items) {
            heap.extend(items);
            heap.push(item);
        }
    }
}

impl<T: Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Default, const N: usize> FromIterator<T> for Few<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut few = Self::new();
        items.into_iter().for_each(|item| few.push(item));
        few
    }
}

impl<T: Default, const N: usize> From<Vec<T>> for Few<T, N> {
    fn from(items: Vec<T>) -> Self {
        if items.len() <= N { items.into_iter().collect() } else { Self(Repr::Heap(items)) }
    }
}

impl<T, const N: usize> Deref for Few<T, N> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match &self.0 {
            Repr::Inline { len, items } => items.get(..*len).unwrap_or(items),
            Repr::Heap(items) => items,
        }
    }
}

impl<T, const N: usize> DerefMut for Few<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Repr::Inline { len, items } => &mut items[..(*len).min(N)],
            Repr::Heap(items) => items,
        }
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a Few<T, N> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: PartialEq, const N: usize> PartialEq for Few<T, N> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for Few<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Serialize, const N: usize> Serialize for Few<T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&**self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_the_list_that_was_pushed() {
        for len in 0..9_u8 {
            let items: Vec<String> = (0..len).map(|item| item.to_string()).collect();
            let mut few: Few<String, 3> = items.iter().cloned().collect();
            assert_eq!(*few, *items);
            assert_eq!(few, Few::from(items.clone()));
            assert_eq!(format!("{few:?}"), format!("{items:?}"));
            assert_eq!(serde_json::to_value(&few).unwrap(), serde_json::json!(items));
            few.iter_mut().for_each(|item| item.push('x'));
            assert!(few.into_iter().all(|item| item.ends_with('x')));
        }
    }

    #[test]
    fn lists_differ_by_length_and_element() {
        let few = |items: &[u8]| items.iter().copied().collect::<Few<u8, 2>>();
        assert_ne!(few(&[1]), few(&[1, 0]));
        assert_ne!(few(&[1, 2, 3]), few(&[1, 2, 4]));
        assert_eq!(few(&[]), Few::default());
    }
}
