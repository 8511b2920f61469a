//! The JSON form of a plan.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::ExportPlan;

impl Serialize for ExportPlan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("ExportPlan", 17)?;
        object.serialize_field("name", &self.name)?;
        object.serialize_field("container", &self.container)?;
        object.serialize_field("area", &self.area())?;
        object.serialize_field("resolution", &self.resolution)?;
        object.serialize_field("rotation", &self.rotation)?;
        object.serialize_field("flip", &self.flip)?;
        object.serialize_field("toSlide", &self.placement.to_slide())?;
        object.serialize_field("width", &self.pyramid.size().width())?;
        object.serialize_field("height", &self.pyramid.size().height())?;
        object.serialize_field("levels", &self.pyramid.levels().len())?;
        object.serialize_field("tileSize", &self.pyramid.geometry().tile_size())?;
        object.serialize_field("overlap", &self.pyramid.geometry().overlap())?;
        object.serialize_field("baseTiles", &self.base_tiles)?;
        object.serialize_field("encoding", &self.format)?;
        object.serialize_field("tiles", &self.pyramid.tile_count())?;
        object.serialize_field("color", &self.color)?;
        object.serialize_field("background", &self.background)?;
        object.end()
    }
}
