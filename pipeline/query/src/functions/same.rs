//! Functions that are the same where they have one name.

/// Compares and hashes a type by its field `name`. Other fields are functions, which cannot be compared.
/// `register` makes each name once.
macro_rules! same_by_name {
    ($type:ty) => {
        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.name == other.name
            }
        }

        impl Eq for $type {}

        impl std::hash::Hash for $type {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.name.hash(state);
            }
        }
    };
}

pub(super) use same_by_name;
