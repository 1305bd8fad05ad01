"""What every stack serves: the Channels tutorial's chat, nothing imported of ours."""
