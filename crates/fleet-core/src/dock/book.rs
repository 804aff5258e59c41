//! What is under way and what is over, by number. After every input many questions are asked of what
//! is under way; what is over stays for its answer's sake, and is not looked at.

use std::{collections::BTreeMap, ops::Deref};

use fleet_types::{CommandId, MissionId};

use crate::{command::Command, mission::Mission};

/// Something that ends, and then stays as it is.
pub(super) trait Ends {
    /// Whether it has ended.
    fn is_over(&self) -> bool;
}

impl Ends for Command {
    fn is_over(&self) -> bool {
        self.is_final()
    }
}

impl Ends for Mission {
    fn is_over(&self) -> bool {
        self.is_ended()
    }
}

/// Everything that is kept, by number.
pub(super) struct Book<K, V> {
    all: BTreeMap<K, V>,
    /// In order; what ended since the last look is still among them.
    open: Vec<K>,
}

pub(super) type Commands = Book<CommandId, Command>;
pub(super) type Missions = Book<MissionId, Mission>;

impl<K, V> Book<K, V> {
    pub(super) const fn new() -> Self {
        Self { all: BTreeMap::new(), open: Vec::new() }
    }
}

impl<K: Copy + Ord, V: Ends> Book<K, V> {
    pub(super) fn insert(&mut self, number: K, entry: V) {
        match self.open.binary_search(&number) {
            Err(at) if !entry.is_over() => self.open.insert(at, number),
            Ok(_) | Err(_) => {}
        }
        self.all.insert(number, entry);
    }

    pub(super) fn remove(&mut self, number: &K) -> Option<V> {
        if let Ok(at) = self.open.binary_search(number) {
            self.open.remove(at);
        }
        self.all.remove(number)
    }

    pub(super) fn get_mut(&mut self, number: &K) -> Option<&mut V> {
        self.all.get_mut(number)
    }

    /// What is under way, by number.
    pub(super) fn open(&self) -> impl Iterator<Item = (&K, &V)> + Clone {
        let entries = self.open.iter().filter_map(|number| self.all.get_key_value(number));
        entries.filter(|(_, entry)| !entry.is_over())
    }

    /// Changes everything that is under way.
    pub(super) fn each_open(&mut self, mut change: impl FnMut(K, &mut V)) {
        for number in &self.open {
            if let Some(entry) = self.all.get_mut(number).filter(|entry| !entry.is_over()) {
                change(*number, entry);
            }
        }
    }

    /// Leaves out from now on what has ended.
    pub(super) fn look(&mut self) {
        let all = &self.all;
        self.open.retain(|number| all.get(number).is_some_and(|entry| !entry.is_over()));
        #[cfg(test)]
        assert_eq!(self.open.len(), self.all.values().filter(|entry| !entry.is_over()).count());
    }
}

impl<K, V> Deref for Book<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &BTreeMap<K, V> {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Job(bool);

    impl Ends for Job {
        fn is_over(&self) -> bool {
            self.0
        }
    }

    #[test]
    fn what_is_over_is_kept_and_not_looked_at() {
        let mut book = Book::new();
        for (number, is_over) in [(5, false), (2, true), (3, false), (1, false)] {
            book.insert(number, Job(is_over));
        }
        let open =
            |book: &Book<i32, Job>| book.open().map(|(number, _)| *number).collect::<Vec<_>>();
        assert_eq!(open(&book), [1, 3, 5]);
        book.get_mut(&3).unwrap().0 = true;
        assert_eq!(open(&book), [1, 5], "at once");
        book.look();
        let mut changed = Vec::new();
        book.each_open(|number, _| changed.push(number));
        assert_eq!((changed.as_slice(), book.len()), ([1, 5].as_slice(), 4));
        book.remove(&1);
        book.insert(5, Job(true));
        book.look();
        assert_eq!((open(&book).len(), book.len()), (0, 3));
    }
}
