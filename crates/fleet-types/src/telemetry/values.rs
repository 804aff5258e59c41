//! The values alone, in blocks that copies share.

use std::sync::Arc;

use super::Scalar;

/// Values of a block: large enough that a copy is a few pointers, small enough that one value that
/// moves with every report does not take many others with it.
const BLOCK: usize = 16;

type Block = [Option<Scalar>; BLOCK];

/// Values over a schema, without their times. Copies share what is the same in both.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// Absent where nothing of the block was heard.
    blocks: Box<[Option<Arc<Block>>]>,
    fields: usize,
}

impl Values {
    /// None, of so many fields.
    #[must_use]
    pub fn new(fields: usize) -> Self {
        Self { blocks: vec![None; fields.div_ceil(BLOCK)].into_boxed_slice(), fields }
    }

    /// Fields there are, heard or not.
    #[must_use]
    pub fn fields(&self) -> usize {
        self.fields
    }

    /// The value at `index`, if there is one.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Scalar> {
        self.blocks.get(index / BLOCK)?.as_ref()?[index % BLOCK].as_ref()
    }

    /// Puts a value in; false when there is no such field.
    pub fn put(&mut self, index: usize, value: Scalar) -> bool {
        if index >= self.fields {
            return false;
        }
        let Some(block) = self.blocks.get_mut(index / BLOCK) else { return false };
        let block = block.get_or_insert_with(Arc::default);
        Arc::make_mut(block)[index % BLOCK] = Some(value);
        true
    }

    /// Puts what may be no value in; where there is no such field nothing happens.
    pub fn replace(&mut self, index: usize, value: Option<Scalar>) {
        if self.get(index) == value.as_ref() || index >= self.fields {
            return;
        }
        if let Some(block) = self.blocks.get_mut(index / BLOCK) {
            Arc::make_mut(block.get_or_insert_with(Arc::default))[index % BLOCK] = value;
        }
    }

    /// Fields that may differ from those of `other`, with both values: all but those of blocks that
    /// are shared. Both are over one schema.
    pub fn unshared<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (usize, Option<&'a Scalar>, Option<&'a Scalar>)> {
        let pairs = self.blocks.iter().zip(&other.blocks).enumerate();
        let apart = pairs.filter(|(_, (one, two))| !is_shared(one.as_ref(), two.as_ref()));
        apart.flat_map(|(number, (one, two))| {
            (0..BLOCK).map(move |at| {
                let value = |block: &'a Option<Arc<Block>>| block.as_ref()?[at].as_ref();
                (number * BLOCK + at, value(one), value(two))
            })
        })
    }
}

fn is_shared(one: Option<&Arc<Block>>, two: Option<&Arc<Block>>) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => Arc::ptr_eq(one, two),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Value by value.
impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields && self.unshared(other).all(|(_, one, other)| one == other)
    }
}
