"""What every stack serves: a Channels project, with nothing imported of ours but in `shared`."""
