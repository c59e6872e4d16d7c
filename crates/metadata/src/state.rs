//! The state machine: the current image and the one way to change it.

use std::sync::Arc;

use crate::apply;
use crate::command::MetadataCommand;
use crate::config_rules::ConfigRules;
use crate::image::MetadataImage;
use crate::result::CommandResult;

/// The metadata and the rules by which commands change it. Deterministic: equal states and equal commands give
/// equal states and equal answers.
#[derive(Clone)]
pub struct MetadataState {
    image: MetadataImage,
    rules: Arc<dyn ConfigRules>,
}

impl MetadataState {
    /// The state before the first command.
    pub fn new(rules: Arc<dyn ConfigRules>) -> Self {
        Self::from_image(MetadataImage::default(), rules)
    }

    /// The state that an image describes.
    pub fn from_image(image: MetadataImage, rules: Arc<dyn ConfigRules>) -> Self {
        Self { image, rules }
    }

    /// The metadata now. Cloning it is cheap and freezes it.
    pub fn image(&self) -> &MetadataImage {
        &self.image
    }

    /// Applies the command at a log index. A command that fails, or only validates, changes nothing but the
    /// image's offset; of a command with many items each one counts for itself.
    pub fn apply(&mut self, index: i64, command: &MetadataCommand) -> CommandResult {
        if command.is_validate_only() {
            let result = self.dry_run(command);
            self.image.offset = index;
            return result;
        }
        self.image.offset = index;
        apply::run(&mut self.image, &*self.rules, command)
    }

    /// Moves past a log entry that is no command.
    pub fn skip(&mut self, index: i64) {
        self.image.offset = index;
    }

    /// What the command would answer now.
    pub fn dry_run(&self, command: &MetadataCommand) -> CommandResult {
        let mut scratch = self.image.clone();
        scratch.offset = scratch.offset.saturating_add(1);
        apply::run(&mut scratch, &*self.rules, command)
    }
}
